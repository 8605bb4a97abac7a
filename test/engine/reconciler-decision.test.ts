import { describe, expect, it } from 'vitest';
import { decideRepairs } from '../../lib/engine/reconciler.ts';
import type { Repair } from '../../lib/engine/shell.ts';
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
