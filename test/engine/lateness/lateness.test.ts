import { describe, expect, it } from 'vitest';
import { TERMINAL_STATUSES } from '../../../lib/contract/names.ts';
import { latest, nextLook, oldestUnclaimedSince, waitingOf } from '../../../lib/engine/lateness/lateness.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { completedOf, START } from '../../ports/store/fixtures.ts';
import { chainOf, GRAPHS, type GraphName, NOW, RECORDS, resumed, stateOf } from '../fixtures.ts';

const SECOND = 1_000;
const LOOK = 900 * SECOND;
type State = Parameters<typeof waitingOf>[1];
const done = (step: string, completedAt: number) => ({ ...completedOf(step, 1), completedAt });

describe('what waits', () => {
  const since = (graph: GraphName, state: State): string =>
    waitingOf(chainOf(GRAPHS[graph]), state)
      .map((one) => `${one.step ?? 'it'} ${one.since - START}`)
      .join(', ');

  it('is a step without any before it, since the start or the resume', () => {
    expect(since('line', stateOf(resumed({ updatedAt: START + 5 })))).toBe('a 5');
  });

  it('is a step since the last of those before it', () => {
    const a = done('a', START + 100);
    expect(since('line', stateOf(resumed(), { a }))).toBe('b 100');
    expect(since('join', stateOf(resumed(), { a, b: done('b', START + 300) }))).toBe('c 300');
  });

  it('is a step since the resume where those before it ended earlier', () => {
    const state = stateOf(resumed({ updatedAt: START + 900 }), { a: done('a', START + 100) });
    expect(since('line', state)).toBe('b 900');
  });

  it('is each of several branches', () => {
    const pair = stateOf(resumed(), { a: done('a', START + 700), x: done('x', START + 400) });
    expect(since('pair', pair)).toBe('b 700, y 400');
  });

  it('may be under way: what runs or retries is not done either', () => {
    for (const kind of ['running, lease live', 'retrying, not due', 'failed'] as const) {
      expect(since('line', stateOf(resumed({ updatedAt: START + 5 }), { a: RECORDS[kind] }))).toBe('a 5');
    }
  });

  it('is the end, where all steps are done and nobody has written it', () => {
    expect(since('line', stateOf(resumed(), { ...ALL_DONE, c: done('c', START + 70) }))).toBe('it 70');
  });

  it('is all of it, since the start or resume, where the deployment does not know the chain', () => {
    const state = stateOf(resumed({ updatedAt: START + 5 }), { a: done('a', START + 100) });
    expect(waitingOf(undefined, state)).toEqual([{ since: START + 5, boundMs: LOOK }]);
    expect(waitingOf(undefined, stateOf(resumed({ status: 'completed' })))).toEqual([]);
  });

  it('is a failure that nobody was told of', () => {
    const untold = stateOf(resumed({ status: 'failed', notify: 'pending', updatedAt: START + 5 }));
    expect(since('line', untold)).toBe('it 5');
    expect(waitingOf(undefined, untold)).toEqual([{ since: START + 5, boundMs: LOOK }]);
  });

  it('is nothing of a workflow that has ended', () => {
    for (const status of TERMINAL_STATUSES) expect(since('line', stateOf(resumed({ status })))).toBe('');
  });
});

const ALL_DONE = { a: done('a', START + 10), b: done('b', START + 20) };

describe('how long a step may take', () => {
  const bound = (
    step: Readonly<Record<string, unknown>>,
    record?: Partial<StepRecord>,
  ): number | undefined => {
    const a = record && { ...completedOf('a', 1), status: 'retrying' as const, ...record };
    const [waits] = waitingOf(chainOf({ a: [] }, step), stateOf(resumed(), { a }));
    return waits && waits.boundMs / SECOND;
  };
  const attempt = (startedAt: number, endedAt?: number) => ({
    ...{ epoch: 1, attempt: 1, round: 0, outcome: 'retrying' as const, startedAt },
    ...(endedAt === undefined ? {} : { endedAt }),
  });

  it('is all that its own definition allows, and one look of the reconciler: no other step makes it patient', () => {
    // Three attempts of 30 + 15 s, and waits of 2 s at most: on SQS there are two whole seconds to choose from.
    expect(bound({ timeout: 30, retries: 2, backoff: { base: 1, cap: 300 } })).toBe(135 + 4 + 900);
    expect(bound({ timeout: 1, retries: 0 })).toBe(16 + 900);
    // Six attempts of 30 + 15 s, and waits of 8, 16, 32, 64 and 128 s: what a step has that says nothing.
    expect(bound({})).toBe(6 * 45 + 248 + 900);
    // Ten attempts of 600 + 15 s, and waits of 2, 2, 4, … 256 s.
    expect(bound({ timeout: 600, retries: 9, backoff: { base: 1, cap: 300 } })).toBe(10 * 615 + 512 + 900);
  });

  it('is six hours at most', () => {
    expect(bound({ retries: 100, backoff: { base: 300, cap: 3_600 } })).toBe(6 * 3_600);
  });

  const SHORT = { timeout: 5, retries: 2, backoff: { base: 1, cap: 10 } } as const;
  const own = 3 * 20 + 4 + 900;

  it('is longer by what its target asks for, as far as that is honoured', () => {
    const asked = (seconds: number) => ({
      attempts: [attempt(NOW - 5_000, NOW)],
      updatedAt: NOW,
      nextAttemptAt: NOW + seconds * SECOND,
    });
    expect(bound(SHORT, asked(8))).toBe(own);
    expect(bound(SHORT, asked(610))).toBe(own + 600);
    expect(bound(SHORT, asked(9_000))).toBe(own + 4_310);
  });

  it('is longer by what its target asked for, once the wait is over, too', () => {
    const attempts = [
      attempt(NOW - 2_000_000, NOW - 1_900_000),
      attempt(NOW - 1_290_000, NOW - 1_280_000),
      attempt(NOW - 1_275_000),
    ];
    expect(bound(SHORT, { status: 'running', attempts, leaseUntil: NOW + 1 })).toBe(own + 600);
  });
});

describe('the latest', () => {
  const waits = (ageMs: number, boundMs: number) => ({ since: NOW - ageMs, boundMs });

  it('is the one that has used up most of its own time, not the oldest', () => {
    const [old, late] = [waits(3_600_000, 7_200_000), waits(60_000, 30_000)];
    expect(latest([old, late], NOW)).toEqual({ of: late, ratio: 2 });
    expect(latest([late, old], NOW)).toEqual({ of: late, ratio: 2 });
  });

  it('is nothing of nothing, and never below zero where clocks differ', () => {
    expect(latest([], NOW)).toBeUndefined();
    expect(latest([waits(-5, 10)], NOW)).toMatchObject({ ratio: 0 });
  });
});

describe('when the reconciler looks at what needs nothing now', () => {
  const look = (graph: GraphName, records: Parameters<typeof stateOf>[1] = {}, timeout = 30): number =>
    (nextLook(chainOf(GRAPHS[graph], { timeout }), stateOf(resumed(), records), NOW) - NOW) / SECOND;

  it('is once the first steps should be done, however long the chain is', () => {
    for (const graph of ['line', 'fork', 'diamond', 'pair'] as const) expect(look(graph)).toBe(45);
  });

  it('is once the steps that are reached should be done', () => {
    expect(look('line', { a: done('a', NOW) })).toBe(45);
    expect(look('line', { a: { ...RECORDS['running, lease live'], leaseUntil: NOW + 50_000 } })).toBe(50);
    expect(look('line', { a: { ...RECORDS['retrying, not due'], nextAttemptAt: NOW + 100_000 } })).toBe(145);
  });

  it('is a quarter of an hour away at most', () => {
    expect(look('line', {}, 840)).toBe(855);
    expect(look('line', { a: { ...RECORDS['retrying, not due'], nextAttemptAt: NOW + 3_600_000 } })).toBe(
      900,
    );
    expect(look('line', { ...ALL_DONE, c: done('c', NOW) })).toBe(900);
  });
});

describe('the oldest step that no function has taken', () => {
  const since = (state: Parameters<typeof oldestUnclaimedSince>[1]) =>
    oldestUnclaimedSince(chainOf(GRAPHS.line), state);
  const a = { ...completedOf('a', 1), completedAt: START + 100 };

  it('waits since the start, or since the step before it was done', () => {
    expect(since(stateOf(resumed({ updatedAt: START + 5 })))).toBe(START + 5);
    expect(since(stateOf(resumed(), { a }))).toBe(START + 100);
  });

  it('is none that was claimed, whatever came of it, unless a resume asks for it again', () => {
    for (const kind of ['running, lease live', 'retrying, not due', 'failed'] as const) {
      expect(since(stateOf(resumed(), { a: RECORDS[kind] }))).toBeUndefined();
    }
  });

  it('is none of a workflow that ended, or whose chain this deployment does not know', () => {
    expect(since(stateOf(resumed({ status: 'failed', notify: 'pending' })))).toBeUndefined();
    expect(oldestUnclaimedSince(undefined, stateOf(resumed()))).toBeUndefined();
  });
});
