import { describe, expect, it } from 'vitest';
import { TERMINAL_STATUSES } from '../../lib/contract/names.ts';
import { decideAdvance, mustReload } from '../../lib/engine/advance.ts';
import { always, chainOf, doneState, forEachRecord, GRAPHS, type GraphName, resumed } from './fixtures.ts';

describe('advancing from a completed step', () => {
  const rows: readonly [GraphName, string, string, string, boolean][] = [
    ['line', 'a', 'a', 'b', false],
    ['line', 'a b', 'a', '', false],
    ['line', 'a b', 'b', 'c', false],
    ['line', 'a b c', 'a', '', true],
    ['line', 'a b c', 'b', '', true],
    ['line', 'a b c', 'c', '', true],
    ['fork', 'a', 'a', 'b c', false],
    ['fork', 'a b', 'a', 'c', false],
    ['fork', 'a b', 'b', '', false],
    ['fork', 'a c', 'a', 'b', false],
    ['fork', 'a c', 'c', '', false],
    ['fork', 'a b c', 'a', '', true],
    ['fork', 'a b c', 'b', '', true],
    ['fork', 'a b c', 'c', '', true],
    ['join', 'a', 'a', '', false],
    ['join', 'b', 'b', '', false],
    ['join', 'a b', 'a', 'c', false],
    ['join', 'a b', 'b', 'c', false],
    ['join', 'a b c', 'a', '', true],
    ['join', 'a b c', 'b', '', true],
    ['join', 'a b c', 'c', '', true],
    ['diamond', 'a', 'a', 'b c', false],
    ['diamond', 'a b', 'a', 'c', false],
    ['diamond', 'a b', 'b', '', false],
    ['diamond', 'a c', 'c', '', false],
    ['diamond', 'a b c', 'a', '', false],
    ['diamond', 'a b c', 'b', 'd', false],
    ['diamond', 'a b c', 'c', 'd', false],
    ['diamond', 'a b c d', 'b', '', true],
    ['diamond', 'a b c d', 'd', '', true],
  ];
  it.each(rows)('in a %s with "%s" done, from %s, queues "%s"; complete: %s', (...row) => {
    const [graph, done, from, queued, complete] = row;
    const advance = decideAdvance(chainOf(GRAPHS[graph]), doneState(resumed(), done), from);
    expect(advance.queue.map(({ name }) => name).join(' ')).toBe(queued);
    expect(advance.complete).toBe(complete);
  });

  it('queues a step of an older epoch, and no step that was claimed in this one: that has a message, or the reconciler', () => {
    const queued = forEachRecord((record) => {
      const state = doneState(resumed(), 'a', { b: record });
      return decideAdvance(chainOf(GRAPHS.line), state, 'a')
        .queue.map(({ name }) => name)
        .join(' ');
    });
    expect(queued).toEqual({
      ...always(''),
      'no item': 'b',
      'put back': 'b',
      'put back, older epoch': 'b',
      'running, lease live, older epoch': 'b',
      'running, lease over, older epoch': 'b',
      'retrying, not due, older epoch': 'b',
      'retrying, due, older epoch': 'b',
      'failed, older epoch': 'b',
    });
  });

  it.each(TERMINAL_STATUSES)('leads nowhere once the workflow is %s', (status) => {
    for (const done of ['a', 'a b', 'a b c']) {
      const state = doneState(resumed({ status }), done);
      expect(decideAdvance(chainOf(GRAPHS.line), state, 'a')).toEqual({ queue: [], complete: false });
    }
  });
});

describe('a worker that saved a step loads again before it advances', () => {
  const rows: readonly [GraphName, string, string, boolean][] = [
    ['line', 'a', 'a', false],
    ['line', 'a b', 'b', false],
    ['line', 'a b c', 'c', false],
    ['fork', 'a', 'a', false],
    ['fork', 'a b', 'b', true],
    ['fork', 'a c', 'c', true],
    ['fork', 'a b c', 'b', false],
    ['fork', 'a b c', 'c', false],
    ['join', 'a', 'a', true],
    ['join', 'b', 'b', true],
    ['join', 'a b', 'a', false],
    ['join', 'a b', 'b', false],
    ['join', 'a b c', 'c', false],
    ['diamond', 'a', 'a', false],
    ['diamond', 'a b', 'b', true],
    ['diamond', 'a c', 'c', true],
    ['diamond', 'a b c', 'b', false],
    ['diamond', 'a b c', 'c', false],
    ['diamond', 'a b c d', 'd', false],
    ['pair', 'a b x', 'b', true],
    ['pair', 'a b x y', 'b', false],
  ];
  it.each(rows)('in a %s with "%s" done, after %s: %s', (graph, done, name, expected) => {
    expect(mustReload(chainOf(GRAPHS[graph]), doneState(resumed(), done), name)).toBe(expected);
  });
});
