import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WorkflowKey } from '../../../lib/engine/state.ts';
import { openDatabase } from '../../../lib/local/store/opening.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../../../lib/local/store/store.ts';
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
} from '../../ports/store/fixtures.ts';
import { closers } from '../../support/closers.ts';
import { settle } from '../../support/manual-clock.ts';
import {
  endedOf,
  NOTHING_LOST,
  storeOnTest,
  temporaryDirectory,
  testDatabase,
  writeStep,
} from './support.ts';

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

  it('keeps of a killed process what a load showed or META acknowledged; a claim alone may be lost, which is said', async () => {
    const directory = await temporaryDirectory();
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      join(import.meta.dirname, 'child.ts'),
      directory,
    ]);
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).toEqual([null, 'SIGKILL']);

    const store = await open(directory);
    expect(store.recovery).toEqual({ claimsLost: true });
    const shown = await loaded(store, metaOf('shown'));
    expect(shown.meta).toStrictEqual(metaOf('shown'));
    expect([...shown.steps.values()]).toStrictEqual([
      claimOf('confirmation'),
      completedOf('payment', { orderId: 'o-1' }),
    ]);
    const answered = await loaded(store, metaOf('answered'));
    expect(answered.meta).toStrictEqual({ ...metaOf('answered'), status: 'cancelled' });
    expect([...answered.steps.values()]).toStrictEqual([claimOf('payment')]);
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
    ['with the fields of today', { format: 2, clean: true, claimsLost: false }],
    ['with others', { format: 2, runs: [] }],
  ])('refuses the data of another format, %s, and lets the directory go', async (_, record) => {
    const directory = await temporaryDirectory();
    const database = await openDatabase({ kind: 'disk', directory });
    await database.write([{ type: 'put', key: '!system', value: JSON.stringify(record) }]);
    await database.close();
    for (let times = 0; times < 2; times += 1) {
      await expect(openEmbeddedStore({ kind: 'disk', directory })).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: 'the data is of format 2, this version reads format 1: pass another directory with --data',
      });
    }
  });

  it('saves what is under way before it closes, and claims that nothing else brought to disk', async () => {
    const directory = await temporaryDirectory();
    const first = await open(directory);
    const meta = metaOf('one');
    await given(first, meta, metaOf('two'));
    const writes = [
      writeStep(first, metaOf('two'), claimOf('payment')),
      writeStep(first, meta, completedOf('payment', 1)),
      writeStep(first, meta, claimOf('shipment')),
    ];
    await first.close();
    await expect(Promise.all(writes)).resolves.toEqual(writes.map(() => ({ written: true })));
    const second = await open(directory);
    expect(second.recovery).toEqual(NOTHING_LOST);
    expect((await loaded(second, meta)).steps.size).toBe(2);
    expect((await loaded(second, metaOf('two'))).steps.get('payment')).toStrictEqual(claimOf('payment'));
  });

  it('notes that it was closed only when nothing is under way any more', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    await given(store, metaOf('one'));
    database.holding = true;
    void store.create(metaOf('two'));
    await settle();
    void writeStep(store, metaOf('one'), completedOf('payment', 1));
    void writeStep(store, metaOf('one'), claimOf('shipment'));
    const closing = store.close();
    const keys = () => database.writes.flatMap(({ operations }) => operations.map(({ key }) => key));
    const written = [];
    for (let flushes = 0; flushes < 4; flushes += 1) {
      await settle();
      written.push(keys().map((key) => key.slice(key.lastIndexOf('/') + 1)));
      if (flushes === 0) expect(keys().join()).not.toContain('!system');
      await database.endWrite();
    }
    await closing;
    expect(written.slice(1)).toEqual([['STEP#payment'], ['STEP#shipment'], ['!system']]);
  });

  it('that is closed says so to whoever still asks', async () => {
    const store = await open(await temporaryDirectory());
    await store.close();
    const closed = { code: 'STORE_UNAVAILABLE', message: 'the store is closed' };
    await expect(store.load(metaOf('one'))).rejects.toMatchObject(closed);
    await expect(store.create(metaOf('one'))).rejects.toMatchObject(closed);
    await expect(store.list({ tenant: 'acme', limit: 1 })).rejects.toMatchObject(closed);
    await expect(store.recovered()).rejects.toMatchObject(closed);
    await expect(store.close()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'the embedded store failed: it is closed already',
    });
  });

  it('refuses also whoever was still reading when it was closed: their writes would go nowhere', async () => {
    const directory = await temporaryDirectory();
    const first = await open(directory);
    await given(first, metaOf('one'));
    await first.close();
    const second = await open(directory);
    const asked = [
      second.load(metaOf('one')),
      writeStep(second, metaOf('one'), completedOf('payment', 1)),
      writeStep(second, metaOf('one'), claimOf('shipment')),
    ];
    const outcomes = Promise.allSettled(asked);
    await second.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE' } });
    }
    const third = await open(directory);
    expect(third.recovery).toEqual(NOTHING_LOST);
    expect((await loaded(third, metaOf('one'))).steps.size).toBe(0);
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

describe('failed', () => {
  it('lists exactly the failed workflows, of all chains and tenants, those too that nobody was told of', async () => {
    const store = await storeOnTest(await testDatabase());
    const failed = [
      endedOf('one', { status: 'failed' }),
      endedOf('two', { status: 'failed', tenant: 'a/b' }),
      endedOf('three', { status: 'failed', chain: 'other' }),
      metaOf('untold', { status: 'failed', notify: 'pending' }),
    ];
    await given(
      store,
      ...failed,
      metaOf('running'),
      endedOf('done'),
      endedOf('gone', { status: 'cancelled' }),
    );
    const keys: string[] = [];
    for await (const { tenant, workflowId } of store.failed()) keys.push(`${tenant} ${workflowId}`);
    expect(keys.sort()).toEqual(failed.map(({ tenant, workflowId }) => `${tenant} ${workflowId}`).sort());
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
