import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WorkflowKey, WorkflowMeta } from '../../lib/engine/state.ts';
import { openDatabase } from '../../lib/local/embedded-database.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../../lib/local/embedded-store.ts';
import {
  claimOf,
  completedOf,
  dueByShard,
  given,
  idsOf,
  loaded,
  metaOf,
  START,
  walk,
} from '../contract/store-fixtures.ts';
import { settle } from '../support/manual-clock.ts';
import { closers } from './demo-support.ts';
import {
  endedOf,
  NOTHING_LOST,
  storeOnTest,
  type TestDatabase,
  temporaryDirectory,
  testDatabase,
  writeStep,
} from './store-support.ts';

async function open(directory: string): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ kind: 'disk', directory });
  closers.push(() => store.close().catch(() => undefined));
  return store;
}

async function unfinishedOf(store: EmbeddedStore): Promise<WorkflowKey[]> {
  const keys: WorkflowKey[] = [];
  for await (const key of store.unfinished()) keys.push(key);
  return keys;
}

describe('the store on disk', () => {
  it('keeps everything over a close and the next opening', async () => {
    const directory = await temporaryDirectory();
    const first = await open(directory);
    const meta = metaOf('one', { input: { note: 'ä 日本 \u{1f69a}' } });
    const steps = [completedOf('payment', { orderId: 'o-1' }), claimOf('shipment')];
    await given(first, meta, endedOf('two'));
    for (const step of steps) await writeStep(first, meta, step);
    await first.close();

    const second = await open(directory);
    expect(second.recovery).toEqual(NOTHING_LOST);
    const state = await loaded(second, meta);
    expect(state.meta).toStrictEqual(meta);
    expect(state.steps).toStrictEqual(new Map(steps.map((step) => [step.step, step])));
    expect(await walk(second, { tenant: 'acme', limit: 10 })).toHaveLength(2);
    expect(idsOf((await dueByShard(second, START * 2)).flat())).toEqual([meta.workflowId]);
  });

  it('keeps what was acknowledged when its process is killed, a claim that was only handed over too', async () => {
    const directory = await temporaryDirectory();
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      join(import.meta.dirname, 'store-child.ts'),
      directory,
    ]);
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).toEqual([null, 'SIGKILL']);

    const store = await open(directory);
    expect(store.recovery.unclean).toBe(true);
    const { meta, steps } = await loaded(store, metaOf('one'));
    expect(meta).toStrictEqual(metaOf('one'));
    expect([...steps.values()]).toStrictEqual([
      completedOf('payment', { orderId: 'o-1' }),
      claimOf('shipment'),
    ]);
  });

  it('brings a claim to disk by itself if nothing else does', async () => {
    const store = await open(await temporaryDirectory());
    const meta = metaOf('one');
    await given(store, meta);
    const { flushes } = store.stats();
    await writeStep(store, meta, claimOf('payment'));
    expect(store.stats().flushes).toBe(flushes);
    await expect.poll(() => store.stats().flushes).toBe(flushes + 1);
  });

  it('makes the directory if need be', async () => {
    const directory = join(await temporaryDirectory(), 'not', 'there', 'yet');
    await given(await open(directory), metaOf('one'));
  });

  it('belongs to one process: a second opening is refused, says what to pass, and disturbs nothing', async () => {
    const directory = await temporaryDirectory();
    const store = await open(directory);
    const second = openEmbeddedStore({ kind: 'disk', directory });
    await expect(second).rejects.toMatchObject({
      name: 'EngineError',
      code: 'CONFIGURATION',
      message: `the data directory ${directory} is in use: stop the other process, or pass another directory with --data`,
    });
    await given(store, metaOf('one'));
    expect((await loaded(store, metaOf('one'))).meta).toStrictEqual(metaOf('one'));
  });

  it('says so when a directory cannot be opened, and what to pass', async () => {
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, '');
    await expect(openEmbeddedStore({ kind: 'disk', directory: file })).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringMatching(/file cannot be opened \(.+\): .*--data/),
    });
  });

  it.each([
    ['with the fields of today', { format: 2, openedAt: 1, clean: true }],
    ['with others', { format: 2, runs: [] }],
  ])('refuses the data of another format, %s, and lets the directory go', async (_, record) => {
    const directory = await temporaryDirectory();
    const database = await openDatabase({ kind: 'disk', directory });
    await database.write([{ type: 'put', key: '!system', value: JSON.stringify(record) }], true);
    await database.close();
    for (let times = 0; times < 2; times += 1) {
      await expect(openEmbeddedStore({ kind: 'disk', directory })).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: 'the data is of format 2, this version reads format 1: pass another directory with --data',
      });
    }
  });

  it('saves what is under way before it closes', async () => {
    const directory = await temporaryDirectory();
    const first = await open(directory);
    const meta = metaOf('one');
    await given(first, meta);
    const writes = [
      writeStep(first, meta, completedOf('payment', 1)),
      writeStep(first, meta, claimOf('shipment')),
    ];
    await first.close();
    await expect(Promise.all(writes)).resolves.toEqual([{ written: true }, { written: true }]);
    expect((await loaded(await open(directory), meta)).steps.size).toBe(2);
  });

  it('notes that it was closed only when nothing is under way any more', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    database.holding = true;
    void store.create(metaOf('one'));
    void writeStep(store, metaOf('two'), claimOf('payment'));
    await settle();
    const closing = store.close();
    await settle();
    const keys = () => database.writes.flatMap(({ operations }) => operations.map(({ key }) => key));
    expect(database.writes).toHaveLength(2);
    expect(keys()).not.toContain('!system');
    for (const write of [...database.writes]) await write.end();
    await settle();
    expect(keys()).toEqual(['!system']);
    expect(database.writes[0]?.sync).toBe(true);
    await database.endWrite();
    await closing;
  });

  it('that is closed says so to whoever still asks', async () => {
    const store = await open(await temporaryDirectory());
    await store.close();
    const closed = { code: 'STORE_UNAVAILABLE', message: 'the store is closed' };
    await expect(store.load(metaOf('one'))).rejects.toMatchObject(closed);
    await expect(store.create(metaOf('one'))).rejects.toMatchObject(closed);
    await expect(store.list({ tenant: 'acme', limit: 1 })).rejects.toMatchObject(closed);
    await expect(store.close()).rejects.toMatchObject(closed);
  });

  it('tells that it could not be saved when the last write fails', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    database.holding = true;
    const closing = store.close();
    await settle();
    database.failWrite();
    await expect(closing).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('unfinished', () => {
  it('lists exactly the workflows with a due time, however far away, over all shards and tenants', async () => {
    const store = await storeOnTest(await testDatabase());
    const metas = Array.from({ length: 40 }, (_, number) =>
      metaOf(number, {
        tenant: number % 3 === 0 ? 'a/b' : 'acme',
        status: number % 2 === 0 ? 'processing' : 'failed',
        dueAt: number % 5 === 0 ? 0 : START * number,
      }),
    );
    await given(store, ...metas, endedOf('ended'), endedOf('told', { status: 'failed' }));
    const keys = (await unfinishedOf(store)).map(({ tenant, workflowId }) => `${tenant} ${workflowId}`);
    expect(keys.sort()).toEqual(metas.map(({ tenant, workflowId }) => `${tenant} ${workflowId}`).sort());
  });

  it('shows each workflow once while they are being changed', async () => {
    const store = await storeOnTest(await testDatabase());
    const metas = Array.from({ length: 20 }, (_, number) => metaOf(number, { dueAt: START + number }));
    await given(store, ...metas);
    const seen: string[] = [];
    for await (const { tenant, workflowId } of store.unfinished()) {
      seen.push(workflowId);
      const { meta } = await loaded(store, { tenant, workflowId });
      await store.writeMeta({ ...meta, dueAt: START * 2 }, { status: meta.status, epoch: meta.epoch });
    }
    expect(seen.sort()).toEqual(idsOf(metas).sort());
  });
});

describe('load', () => {
  async function holding(): Promise<{ database: TestDatabase; store: EmbeddedStore; meta: WorkflowMeta }> {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    const meta = metaOf('one');
    await given(store, meta);
    database.holding = true;
    return { database, store, meta };
  }

  /** What a promise has become by now; undefined while it waits. */
  async function soFar<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    let value: Value | undefined;
    void promise.then((settled) => {
      value = settled;
    });
    await settle();
    return value;
  }

  it('shows no outcome before it is on disk', async () => {
    const { database, store, meta } = await holding();
    const writing = writeStep(store, meta, completedOf('payment', 1));
    const loading = store.load(meta);
    expect(await soFar(loading)).toBeUndefined();
    expect(database.writes[0]?.sync).toBe(true);
    await database.endWrite();
    expect((await loading)?.steps.get('payment')?.status).toBe('completed');
    expect(await writing).toEqual({ written: true });
  });

  it('shows no new workflow and no change of one before it is on disk', async () => {
    const { database, store, meta } = await holding();
    void store.create(metaOf('two'));
    void store.writeMeta({ ...meta, status: 'cancelled' }, { status: 'processing', epoch: 0 });
    const loading = Promise.all([store.load(metaOf('two')), store.load(meta)]);
    expect(await soFar(loading)).toBeUndefined();
    await database.endWrite();
    expect((await loading).map((state) => state?.meta.status)).toEqual(['processing', 'cancelled']);
  });

  it('shows a claim at once: it waits for no disk', async () => {
    const { database, store, meta } = await holding();
    void writeStep(store, meta, claimOf('payment'));
    const state = await soFar(store.load(meta));
    expect(state?.steps.get('payment')?.status).toBe('running');
    expect(database.writes.map(({ sync }) => sync)).toEqual([false]);
  });

  it('waits for one workflow alone', async () => {
    const { store, meta } = await holding();
    void store.create(metaOf('two'));
    expect((await soFar(store.load(meta)))?.meta).toStrictEqual(meta);
  });

  it('waits for the last of several outcomes, also once the first is on disk', async () => {
    const { database, store, meta } = await holding();
    void writeStep(store, meta, completedOf('payment', 1));
    await settle();
    void writeStep(store, meta, completedOf('shipment', 2));
    await settle();
    const early = store.load(meta);
    await database.endWrite();
    await settle();
    const late = store.load(meta);
    expect(await soFar(Promise.race([early, late]))).toBeUndefined();
    await database.endWrite();
    for (const state of await Promise.all([early, late])) expect(state?.steps.size).toBe(2);
  });

  it('lets a refusal wait until that which it refuses for is on disk', async () => {
    const { database, store, meta } = await holding();
    void writeStep(store, meta, completedOf('payment', 1));
    const refused = writeStep(store, meta, completedOf('payment', 2));
    expect(await soFar(refused)).toBeUndefined();
    await database.endWrite();
    expect(await refused).toEqual({ written: false, current: completedOf('payment', 1) });
  });
});
