import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getHandler } from '../../functions/handlers.ts';
import type { ApiAnswer } from '../../functions/http.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { Watch } from '../../lib/engine/ports.ts';
import type { WorkflowKey } from '../../lib/engine/state.ts';
import { openEmbeddedStore } from '../../lib/local/store/store.ts';
import { createWakingWatch, type WakingWatch } from '../../lib/local/watch.ts';
import { ABSENT, claimOf, completedOf } from '../ports/store/fixtures.ts';
import { settle } from '../support/manual-clock.ts';
import { expectRefusal } from './refusals.ts';
import { about, openStage, type TestStage, workflow } from './stage.ts';

let stage: TestStage;
let watch: WakingWatch;
beforeEach(async () => {
  stage = await openStage();
  const store = await openEmbeddedStore({ kind: 'memory' });
  await stage.close();
  stage = { ...stage, engine: stage.with({ store }), close: () => store.close() };
  watch = createWakingWatch(store, stage.clock, 2);
  await store.create(RUNNING);
});
afterEach(() => stage.close());

const RUNNING = workflow('running');
const payment = completedOf('payment', { orderId: 'o-1', receiptUrl: 'https://pay.example/1' });
const pay = () => stage.engine.ports.store.writeStep(RUNNING, payment, ABSENT, RUNNING.expiresAt);

interface Asked {
  readonly wait?: string;
  readonly seen?: string | undefined;
  readonly by?: Watch;
}
const get = ({ wait, seen, by = watch }: Asked = {}): Promise<ApiAnswer> =>
  getHandler({ ...stage.engine, watch: by })(
    about(RUNNING.workflowId, {
      headers: seen === undefined ? {} : { 'if-none-match': seen },
      ...(wait === undefined ? {} : { queryStringParameters: { wait } }),
    }),
  );
const tagNow = async (): Promise<string | undefined> => (await get()).headers.etag;

/** What an answer is, once it is there. */
function hearing(asked: Promise<ApiAnswer>): { answer(): ApiAnswer | undefined } {
  let heard: ApiAnswer | undefined;
  asked.then((answer) => {
    heard = answer;
  });
  return { answer: () => heard };
}

describe('the tag of an answer', () => {
  it('is the same as long as the answer shows the same, and another one after a write', async () => {
    const before = await tagNow();
    expect(before).toMatch(/^"[\w-]{43}"$/);
    expect(await tagNow()).toBe(before);
    await pay();
    expect(await tagNow()).not.toBe(before);
  });

  it('is another one where time alone changed what is shown', async () => {
    const ended = workflow('ended', { status: 'cancelled' });
    const { store } = stage.engine.ports;
    await store.create(ended);
    const leaseUntil = stage.clock.now() + 5_000;
    await store.writeStep(ended, { ...claimOf('payment'), leaseUntil }, ABSENT, ended.expiresAt);
    const shown = () => getHandler(stage.engine)(about(ended.workflowId));
    const { headers } = await shown();
    await stage.clock.advance(4_999);
    expect((await shown()).headers.etag).toBe(headers.etag);
    await stage.clock.advance(1);
    expect((await shown()).headers.etag).not.toBe(headers.etag);
  });

  it.each<[string, (tag: string) => string]>([
    ['itself', (tag) => tag],
    ['among others', (tag) => `"x", ${tag}`],
    ['as a weak one', (tag) => `W/${tag}`],
    ['as any', () => '*'],
  ])('that was seen, named %s, is answered with 304, the tag and no body', async (_name, named) => {
    const tag = (await tagNow()) ?? '';
    const answer = await get({ seen: named(tag) });
    expect(answer).toMatchObject({ statusCode: 304, headers: { etag: tag }, body: '' });
    expect(Object.keys(answer.headers)).not.toContain('content-type');
    expect(Object.keys(answer.headers)).not.toContain('retry-after');
  });

  it.each(['"another"', 'W/"x"', '', 'x'])('that %j does not name is answered with all', async (seen) => {
    expect((await get({ seen })).statusCode).toBe(200);
  });
});

describe('a wait', () => {
  it.each(['0', '21', '-1', '1.5', '', ' 5', '1e1', '0x5', '100', 'long', '20s'])(
    'of %j is refused, and says what to write',
    async (wait) => {
      const detail = expectRefusal(await get({ wait }), {
        status: 400,
        code: 'INVALID_REQUEST',
        fields: ['wait'],
      });
      expect(detail).toContain('from 1 to 20, such as wait=20');
    },
  );

  it('of somebody who has seen nothing, or something else, is none', async () => {
    expect((await get({ wait: '20' })).statusCode).toBe(200);
    expect((await get({ wait: '20', seen: '"another"' })).statusCode).toBe(200);
    expect(stage.clock.waiting).toBe(0);
  });

  it('ends with the write that changes the answer, without a timer in between', async () => {
    const seen = await tagNow();
    const asked = hearing(get({ wait: '20', seen }));
    await stage.clock.advance(7_000);
    expect(asked.answer()).toBeUndefined();
    await pay();
    await settle();
    expect(JSON.parse(asked.answer()?.body ?? '')).toMatchObject({ orderId: 'o-1' });
    expect(asked.answer()?.headers.etag).not.toBe(seen);
    expect(stage.clock.waiting).toBe(0);
  });

  it('goes on after a write that nobody can see in the answer', async () => {
    const seen = await tagNow();
    const asked = hearing(get({ wait: '20', seen }));
    await settle();
    const { store } = stage.engine.ports;
    const { dueAt = 0 } = RUNNING;
    await store.writeMeta({ ...RUNNING, dueAt: dueAt + 1 }, { status: 'processing', epoch: 0, dueAt });
    await stage.clock.advance(19_999);
    expect(asked.answer()).toBeUndefined();
    await stage.clock.advance(1);
    expect(asked.answer()).toMatchObject({ statusCode: 304, headers: { etag: seen } });
  });

  it('ends after the seconds that were asked for, with 304', async () => {
    const seen = await tagNow();
    const asked = hearing(get({ wait: '3', seen }));
    await stage.clock.advance(2_999);
    expect(asked.answer()).toBeUndefined();
    await stage.clock.advance(1);
    expect(asked.answer()).toMatchObject({ statusCode: 304, headers: { etag: seen }, body: '' });
    expect(asked.answer()?.headers).not.toHaveProperty('retry-after');
  });

  it('ends when a lease ends, though nothing is written', async () => {
    const ended = workflow('ended', { status: 'cancelled' });
    const { store } = stage.engine.ports;
    await store.create(ended);
    const leaseUntil = stage.clock.now() + 5_000;
    await store.writeStep(ended, { ...claimOf('payment'), leaseUntil }, ABSENT, ended.expiresAt);
    const handler = getHandler({ ...stage.engine, watch });
    const { headers } = await handler(about(ended.workflowId));
    const asked = hearing(
      handler(
        about(ended.workflowId, {
          headers: { 'if-none-match': headers.etag },
          queryStringParameters: { wait: '20' },
        }),
      ),
    );
    await stage.clock.advance(4_999);
    expect(asked.answer()).toBeUndefined();
    await stage.clock.advance(1);
    expect(JSON.parse(asked.answer()?.body ?? '')).toMatchObject({ steps: { payment: 'cancelled' } });
  });

  it('for which there is no place is answered at once, and says when to ask again', async () => {
    const seen = await tagNow();
    const held = [1, 2].map(() => hearing(get({ wait: '20', seen })));
    await settle();
    const retryAfter = { 'retry-after': String(LIMITS.waitAgain) };
    expect(await get({ wait: '20', seen })).toMatchObject({ statusCode: 304, headers: retryAfter });
    // What is news needs no place.
    expect((await get({ wait: '20' })).statusCode).toBe(200);
    await stage.clock.advance(20_000);
    for (const { answer } of held) expect(answer()?.statusCode).toBe(304);
    const again = hearing(get({ wait: '20', seen }));
    await settle();
    expect(again.answer()).toBeUndefined();
    await stage.clock.advance(20_000);
    expect(again.answer()?.headers).not.toHaveProperty('retry-after');
  });

  it('is answered when the process ends, and none begins any more', async () => {
    const seen = await tagNow();
    const asked = hearing(get({ wait: '20', seen }));
    await settle();
    watch.end();
    await settle();
    expect(asked.answer()).toMatchObject({ statusCode: 304 });
    expect((await get({ wait: '20', seen })).headers).toHaveProperty('retry-after');
    expect(stage.clock.waiting).toBe(0);
  });

  it('gives its place back when the workflow cannot be read', async () => {
    const seen = await tagNow();
    const told: string[] = [];
    const { store } = stage.engine.ports;
    const telling: Watch = {
      open: async () => {
        told.push('open');
        return { next: async () => true, close: async () => void told.push('close') };
      },
    };
    const broken = () => Promise.reject(new EngineError('STORE_UNAVAILABLE', 'gone'));
    const loads = [store.load, broken];
    const failing = { ...store, load: (key: WorkflowKey) => (loads.shift() ?? broken)(key) };
    stage = { ...stage, engine: stage.with({ store: failing }) };
    expect((await get({ wait: '20', seen, by: telling })).statusCode).toBe(503);
    expect(told).toEqual(['open', 'close']);
  });

  it('notices what was written while it took its place', async () => {
    const seen = await tagNow();
    const slow: Watch = {
      open: async (key, ms) => {
        await pay();
        return watch.open(key, ms);
      },
    };
    expect((await get({ wait: '20', seen, by: slow })).statusCode).toBe(200);
  });
});
