import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import { resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import { start } from '../../lib/engine/operations/start.ts';
import { type LocalEngine, startLocalEngine } from '../../lib/local/engine.ts';
import { comeToRest, DIAMOND, reply, testPorts } from './engine-support.ts';
import { afterKill } from './store/support.ts';

const TENANT = 'default';
const MINUTE = LIMITS.reconcileInterval * 1_000;

/** Engines over the same disk, one after another: each finds what the one before it brought there, and no more. */
async function world() {
  const { clock, database, http, ...ports } = await testPorts();
  let kill = (): void => undefined;

  /** A run of the process. Once it is killed nothing of it happens any more. */
  const begin = async () => {
    let alive = true;
    const living =
      <Asked extends unknown[], Answer>(work: (...asked: Asked) => Promise<Answer>) =>
      (...asked: Asked): Promise<Answer> =>
        alive ? work(...asked) : never;
    kill = () => {
      alive = false;
    };
    const store = await afterKill({ ...database, write: living(database.write) });
    const engine = await startLocalEngine({
      ...ports,
      chains: [DIAMOND],
      store,
      leftover: store,
      http: { call: living(http.call) },
      clock: { now: clock.now, after: (ms, action) => clock.after(ms, () => alive && action()) },
    });
    return { store, engine };
  };

  const rest = () => comeToRest(clock);
  const restart = async () => {
    kill();
    const next = await begin();
    await rest();
    return next;
  };
  const first = await begin();
  const order = async (): Promise<string> => {
    const payload = { card: '4242' };
    const { workflowId } = await start(first.engine.service, DIAMOND, { tenant: TENANT, payload });
    await rest();
    return workflowId;
  };
  const show = (workflowId: string, { service }: LocalEngine) =>
    get(service, { tenant: TENANT, workflowId }, true);
  const goOn = async (workflowId: string, { service }: LocalEngine, newKey = false) => {
    await resume(service, { tenant: TENANT, workflowId }, { newKey });
    await rest();
  };
  return { ...first, clock, http, restart, rest, order, show, goOn };
}

/** A call whose process is gone before it is answered. */
const never = new Promise<never>(() => undefined);

const keysOf = (requests: readonly { readonly headers: Readonly<Record<string, string>> }[]) =>
  requests.map(({ headers }) => headers['idempotency-key']?.replace(/^.*?:/, ''));

describe('killed in the middle of a call, with its claim in memory alone, the engine', () => {
  it('calls again under the same key, counts no attempt, and shows each that was lost', async () => {
    const { order, restart, show, http } = await world();
    http.answer('/a', never, never);
    const id = await order();
    await restart();
    const { engine } = await restart();
    expect(engine.recovered.goOn).toBe(1);
    const { status, timeline } = await show(id, engine);
    expect(status).toBe('completed');
    expect(timeline?.map(({ step, attempt, outcome }) => `${step} ${attempt} ${outcome}`)).toEqual([
      'a 1 interrupted',
      'a 1 interrupted',
      ...['a', 'b', 'c', 'd'].map((step) => `${step} 1 completed`),
    ]);
    expect(keysOf(http.requests)).toEqual(['a:do:0', 'a:do:0', 'a:do:0', 'b:do:0', 'c:do:0', 'd:do:0']);
  });

  it('has of two branches the claim that travelled with the outcome of the other', async () => {
    const { order, restart, show, http } = await world();
    http.answer('/b', never);
    const id = await order();
    const { engine } = await restart();
    const { timeline } = await show(id, engine);
    const branch = timeline?.filter(({ step }) => step === 'b');
    expect(branch?.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, 'interrupted'],
      [1, 'completed'],
    ]);
    expect(keysOf(http.requests)).toEqual(['a:do:0', 'b:do:0', 'c:do:0', 'b:do:0', 'd:do:0']);
  });

  it('keeps the key of a call that may have acted, though the next one is refused', async () => {
    const { order, restart, show, http, goOn } = await world();
    http.answer('/a', never, reply(400, 'not now'));
    const id = await order();
    const { engine } = await restart();
    expect(await show(id, engine)).toMatchObject({
      status: 'failed',
      error: { step: 'a', effect: 'unknown' },
    });
    await goOn(id, engine);
    expect(await show(id, engine)).toMatchObject({ status: 'completed' });
    expect(keysOf(http.requests).slice(0, 3)).toEqual(['a:do:0', 'a:do:0', 'a:do:0']);
  });

  it('keeps also the new key that a resume asked for', async () => {
    const { order, restart, show, http, goOn, engine: first } = await world();
    http.answer('/a', reply(200, 'unreadable'), never, reply(400, 'not now'));
    const id = await order();
    await goOn(id, first, true);
    const { engine } = await restart();
    expect(await show(id, engine)).toMatchObject({
      status: 'failed',
      error: { step: 'a', effect: 'unknown' },
    });
    await goOn(id, engine);
    expect(await show(id, engine)).toMatchObject({ status: 'completed' });
    expect(keysOf(http.requests).slice(0, 4)).toEqual(['a:do:0', 'a:do:1', 'a:do:1', 'a:do:1']);
  });

  it('goes on waiting for a step that is to be tried again', async () => {
    const { order, restart, show, http, clock, rest } = await world();
    http.answer('/a', { kind: 'reply', status: 503, body: 'busy', headers: { 'retry-after': '30' } });
    const id = await order();
    const { engine } = await restart();
    await clock.advance(29_999);
    expect(http.called).toEqual(['/a']);
    await clock.advance(1);
    await rest();
    expect(await show(id, engine)).toMatchObject({ status: 'completed' });
    await clock.advance(MINUTE);
    expect(http.called).toEqual(['/a', '/a', '/b', '/c', '/d']);
  });
});

describe('without a kill, the engine', () => {
  it('takes another key once all that was open is refused', async () => {
    const { order, show, http, goOn, engine } = await world();
    http.answer('/a', reply(400, 'not now'));
    const id = await order();
    await goOn(id, engine);
    expect(await show(id, engine)).toMatchObject({ status: 'completed' });
    expect(keysOf(http.requests).slice(0, 2)).toEqual(['a:do:0', 'a:do:1']);
  });

  it('leaves on disk, when it stops, the claims of calls that have outlived their function', async () => {
    const { order, show, http, clock, restart, engine: first, store } = await world();
    http.answer('/a', never, reply(400, 'not now'));
    const id = await order();
    const stopping = first.stop();
    await clock.advance(5 * MINUTE);
    await stopping;
    await store.close();
    const { engine, store: next } = await restart();
    expect(next.recovery).toEqual({ claimsLost: false });
    const { timeline, error } = await show(id, engine);
    expect(timeline?.map(({ outcome }) => outcome)).toEqual(['interrupted', 'failed']);
    expect(error).toMatchObject({ step: 'a', effect: 'unknown' });
  });
});
