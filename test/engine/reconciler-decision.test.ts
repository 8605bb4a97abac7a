import { describe, expect, it } from 'vitest';
import { TERMINAL_STATUSES } from '../../lib/contract/names.ts';
import {
  decideRepairs,
  oldestUnclaimedSince,
  oldestUnfinishedSince,
  type Repair,
} from '../../lib/engine/reconciler.ts';
import { completedOf, START } from '../ports/store/fixtures.ts';
import {
  always,
  chainOf,
  doneState,
  EPOCH,
  forEachRecord,
  GRAPHS,
  type GraphName,
  messageTo,
  NOW,
  RECORDS,
  type RecordKind,
  resumed,
  stateOf,
} from './fixtures.ts';

const TWO = chainOf({ a: [], b: ['a'] });

/** Repairs in a few words. */
const told = (repairs: readonly Repair[]): string =>
  repairs
    .map(({ why, outgoing: { to, message } }) => {
      const queue = to.kind === 'stepFailed' ? `the dead letter of ${message.step}` : message.step;
      return `${queue}: ${why}`;
    })
    .join(', ');

const repairs = (changes: Parameters<typeof resumed>[0] = {}, queuesLost = false) =>
  forEachRecord((record) =>
    told(decideRepairs(TWO, stateOf(resumed(changes), { a: record }), NOW, queuesLost)),
  );

describe('the repair of a workflow that is processing', () => {
  const expected: Readonly<Record<RecordKind, string>> = {
    'no item': 'a: the step was never claimed',
    'put back': 'a: the step was never claimed',
    'running, lease live': '',
    'running, lease live, last attempt': '',
    'running, lease ends now': 'a: the lease is over',
    'running, lease over, one attempt left': 'a: the lease is over',
    'running, lease over, attempts used up': 'a: the lease is over',
    'retrying, not due': '',
    'retrying, due now': 'a: the next attempt is due',
    'retrying, overdue': 'a: the next attempt is due',
    completed: 'b: the step was never claimed',
    'completed, older epoch': 'b: the step was never claimed',
    failed: 'the dead letter of a: the step failed',
    'failed, older epoch': 'a: the step failed before a resume',
    'put back, older epoch': 'a: the step was never claimed',
    'running, lease live, older epoch': '',
    'running, lease over, older epoch': 'a: the lease is over',
    'retrying, not due, older epoch': '',
    'retrying, due, older epoch': 'a: the next attempt is due',
  };

  it('brings what its step needs', () => {
    expect(repairs()).toEqual(expected);
  });

  it('brings also the messages that wait where the queues were lost', () => {
    expect(repairs({}, true)).toEqual({
      ...expected,
      'running, lease live': 'a: the lease is over',
      'running, lease live, last attempt': 'a: the lease is over',
      'running, lease live, older epoch': 'a: the lease is over',
      'retrying, not due': 'a: the next attempt is due',
      'retrying, not due, older epoch': 'a: the next attempt is due',
    });
  });

  it('is a message of the present epoch on its first trip', () => {
    expect(decideRepairs(TWO, stateOf(resumed()), NOW).map(({ outgoing }) => outgoing)).toEqual([
      { to: { chain: 'order-processing', step: 'a', kind: 'step' }, message: messageTo('a') },
    ]);
    const failed = decideRepairs(TWO, stateOf(resumed(), { a: RECORDS.failed }), NOW);
    expect(failed.map(({ outgoing }) => outgoing)).toEqual([
      {
        to: { kind: 'stepFailed' },
        message: messageTo('a', { epoch: EPOCH, trip: 0 }),
      },
    ]);
  });

  it.each<readonly [GraphName, string, string]>([
    ['line', '', 'a'],
    ['line', 'a', 'b'],
    ['line', 'a b', 'c'],
    ['fork', '', 'a'],
    ['fork', 'a', 'b c'],
    ['fork', 'a b', 'c'],
    ['join', '', 'a b'],
    ['join', 'a', 'b'],
    ['join', 'a b', 'c'],
    ['diamond', 'a', 'b c'],
    ['diamond', 'a b', 'c'],
    ['diamond', 'a b c', 'd'],
    ['pair', '', 'a x'],
    ['pair', 'a b', 'x'],
  ])('in a %s with "%s" done queues what is ready: %s', (graph, done, queued) => {
    const found = decideRepairs(chainOf(GRAPHS[graph]), doneState(resumed(), done), NOW);
    expect(found.map(({ outgoing }) => outgoing.message.step).join(' ')).toBe(queued);
  });

  it.each<readonly [GraphName, string]>([
    ['line', 'c'],
    ['fork', 'b'],
    ['join', 'c'],
    ['diamond', 'd'],
    ['pair', 'b'],
  ])('of a %s whose steps are all done queues one last step: %s', (graph, last) => {
    const done = doneState(resumed(), Object.keys(GRAPHS[graph]).join(' '));
    expect(told(decideRepairs(chainOf(GRAPHS[graph]), done, NOW))).toBe(`${last}: all steps are done`);
  });

  it('cannot be decided without its chain', () => {
    expect(decideRepairs(undefined, stateOf(resumed()), NOW)).toEqual([]);
  });
});

describe('the repair of a workflow that ended', () => {
  it.each(['completed', 'cancelled'] as const)('is nothing where it is %s', (status) => {
    for (const queuesLost of [false, true]) expect(repairs({ status }, queuesLost)).toEqual(always(''));
  });

  const error = { code: 'REFUSED', message: 'no', effect: 'none', step: 'b', attempts: 1 } as const;

  it('is nothing where it failed, whether on-call was told or is to be told: a digest is no message', () => {
    expect(repairs({ status: 'failed', error, notify: 'pending' })).toEqual(always(''));
    expect(repairs({ status: 'failed', error })).toEqual(always(''));
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

describe('the oldest unfinished step', () => {
  const since = (graph: GraphName, state: Parameters<typeof oldestUnfinishedSince>[1]) =>
    oldestUnfinishedSince(chainOf(GRAPHS[graph]), state);
  const done = (step: string, completedAt: number) => ({ ...completedOf(step, 1), completedAt });

  it('waits since the start or the resume where nothing comes before it', () => {
    expect(since('line', stateOf(resumed({ updatedAt: START + 5 })))).toBe(START + 5);
  });

  it('waits since the last of the steps before it', () => {
    const a = done('a', START + 100);
    expect(since('line', stateOf(resumed(), { a }))).toBe(START + 100);
    const both = stateOf(resumed(), { a, b: done('b', START + 300) });
    expect(since('join', both)).toBe(START + 300);
  });

  it('waits since the resume where the steps before it ended earlier', () => {
    const state = stateOf(resumed({ updatedAt: START + 900 }), { a: done('a', START + 100) });
    expect(since('line', state)).toBe(START + 900);
  });

  it('is the one of several branches that waits longest', () => {
    const state = stateOf(resumed(), { a: done('a', START + 100), b: done('b', START + 200) });
    expect(since('fork', state)).toBe(START + 100);
    const pair = stateOf(resumed(), { a: done('a', START + 700), x: done('x', START + 400) });
    expect(since('pair', pair)).toBe(START + 400);
  });

  it('may be under way: what runs or retries is unfinished too', () => {
    for (const kind of ['running, lease live', 'retrying, not due', 'failed'] as const) {
      expect(since('line', stateOf(resumed({ updatedAt: START + 5 }), { a: RECORDS[kind] }))).toBe(START + 5);
    }
  });

  it('is any, since the start or resume, where the deployment does not know the chain: nothing goes on', () => {
    const state = stateOf(resumed({ updatedAt: START + 5 }), { a: done('a', START + 100) });
    expect(oldestUnfinishedSince(undefined, state)).toBe(START + 5);
    const completed = stateOf(resumed({ status: 'completed' }));
    expect(oldestUnfinishedSince(undefined, completed)).toBeUndefined();
  });

  it('is as old as a failure that nobody was told of', () => {
    const untold = stateOf(resumed({ status: 'failed', notify: 'pending', updatedAt: START + 5 }));
    expect(since('line', untold)).toBe(START + 5);
    expect(oldestUnfinishedSince(undefined, untold)).toBe(START + 5);
  });

  it('does not exist where all are done, or where the workflow is not processing', () => {
    expect(since('line', doneState(resumed(), 'a b c'))).toBeUndefined();
    for (const status of TERMINAL_STATUSES) {
      expect(since('line', stateOf(resumed({ status })))).toBeUndefined();
    }
  });
});
