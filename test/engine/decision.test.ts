import { describe, expect, it } from 'vitest';
import { TERMINAL_STATUSES, WORKFLOW_STATUSES, type WorkflowStatus } from '../../lib/contract/names.ts';
import { decideMessage, type MessageDecision } from '../../lib/engine/decision.ts';
import type { StepRecord } from '../../lib/engine/state.ts';
import {
  always,
  chainOf,
  doneState,
  EPOCH,
  forEachRecord,
  GRAPHS,
  type GraphName,
  MOMENT,
  messageTo,
  NOW,
  RETRIES,
  type RecordKind,
  resumed,
  stateOf,
} from './fixtures.ts';

const ONE = chainOf({ a: [] }, { retries: RETRIES, timeout: 30 });

/** A decision in a few words. */
function told(decision: MessageDecision): string {
  switch (decision.do) {
    case 'hold':
      return `hold for ${decision.until - NOW} ms`;
    case 'claim':
      return `claim attempt ${decision.claim.record.attempt} of epoch ${decision.claim.record.epoch}`;
    case 'acknowledge':
    case 'deadLetter':
    case 'awaitDeployment':
      return `${decision.do}: ${decision.because}`;
    default:
      return decision.do;
  }
}

const decided = (record: StepRecord | undefined, status: WorkflowStatus = 'processing', epoch = EPOCH) =>
  told(decideMessage(ONE, stateOf(resumed({ status }), { a: record }), messageTo('a', { epoch }), MOMENT));

describe('a message for a step of a workflow that is processing', () => {
  const expected: Readonly<Record<RecordKind, string>> = {
    'no item': 'claim attempt 1 of epoch 1',
    'put back': 'claim attempt 1 of epoch 1',
    'running, lease live': 'hold for 1 ms',
    'running, lease live, last attempt': 'hold for 20000 ms',
    'running, lease ends now': 'claim attempt 2 of epoch 1',
    'running, lease over, one attempt left': 'claim attempt 3 of epoch 1',
    'running, lease over, attempts used up': 'saveDeadWorker',
    'retrying, not due': 'hold for 1 ms',
    'retrying, due now': 'claim attempt 2 of epoch 1',
    'retrying, overdue': 'claim attempt 3 of epoch 1',
    completed: 'advance',
    'completed, older epoch': 'advance',
    failed: 'repeatDeadLetter',
    'failed, older epoch': 'claim attempt 1 of epoch 1',
    'put back, older epoch': 'claim attempt 1 of epoch 1',
    'running, lease live, older epoch': 'hold for 7000 ms',
    'running, lease over, older epoch': 'claim attempt 1 of epoch 1',
    'retrying, not due, older epoch': 'hold for 9000 ms',
    'retrying, due, older epoch': 'claim attempt 1 of epoch 1',
  };

  it('is decided by the state of the step', () => {
    expect(forEachRecord((record) => decided(record))).toEqual(expected);
  });

  it.each<readonly [GraphName, string, string]>([
    ['line', 'a', 'b'],
    ['line', 'a b', 'c'],
    ['fork', 'a', 'c'],
    ['join', '', 'b'],
    ['join', 'a b', 'c'],
    ['diamond', 'a b', 'c'],
    ['diamond', 'a b c', 'd'],
  ])('is decided alike in a %s with "%s" done for %s', (graph, done, step) => {
    const chain = chainOf(GRAPHS[graph], { retries: RETRIES, timeout: 30 });
    const answers = forEachRecord((record) => {
      const state = doneState(resumed(), done, { [step]: record });
      return told(decideMessage(chain, state, messageTo(step), MOMENT));
    });
    expect(answers).toEqual(expected);
  });

  it.each<readonly [GraphName, string, string]>([
    ['line', '', 'b'],
    ['fork', '', 'c'],
    ['join', 'a', 'c'],
    ['diamond', 'a b', 'd'],
  ])('makes no call before its turn in a %s with "%s" done for %s, whatever the step is', (...row) => {
    const [graph, done, step] = row;
    const answers = forEachRecord((record) => {
      const state = doneState(resumed(), done, { [step]: record });
      return told(decideMessage(chainOf(GRAPHS[graph]), state, messageTo(step), MOMENT));
    });
    expect(answers).toEqual({
      ...always('acknowledge: the steps before it are not all done'),
      completed: 'advance',
      'completed, older epoch': 'advance',
      failed: 'repeatDeadLetter',
    });
  });

  it('is acknowledged without work if it is of an older epoch, unless the step waits for its next attempt', () => {
    const retrying = Object.entries(expected).filter(([kind]) => kind.startsWith('retrying'));
    expect(retrying.length).toBeGreaterThan(0);
    expect(forEachRecord((record) => decided(record, 'processing', EPOCH - 1))).toEqual({
      ...always('acknowledge: the message is of an older epoch'),
      ...Object.fromEntries(retrying),
    });
  });
});

describe('a message for a workflow that is not processing', () => {
  it.each(TERMINAL_STATUSES)(
    'is acknowledged without work where the workflow is %s, whatever the step is',
    (status) => {
      for (const epoch of [EPOCH, EPOCH - 1]) {
        expect(forEachRecord((record) => decided(record, status, epoch))).toEqual(
          always(`acknowledge: the workflow is ${status}`),
        );
      }
    },
  );
});

describe('a message that this deployment cannot serve', () => {
  const meta = resumed();
  const unknown =
    'awaitDeployment: this deployment does not know that version or step, or has other steps under it';

  it('goes to the dead-letter queue when there is no such workflow', () => {
    for (const epoch of [0, EPOCH, EPOCH + 1]) {
      expect(told(decideMessage(ONE, undefined, messageTo('a', { epoch }), MOMENT))).toBe(
        'deadLetter: there is no such workflow',
      );
    }
  });

  it.each([
    ['no such chain or version', undefined, messageTo('a'), unknown],
    ['no such step in the chain', ONE, messageTo('z'), unknown],
    [
      'a workflow of another chain',
      ONE,
      messageTo('a', { chain: 'other' }),
      'deadLetter: the workflow is of order-processing version 1',
    ],
    [
      'a workflow of another version',
      ONE,
      messageTo('a', { version: 2 }),
      'deadLetter: the workflow is of order-processing version 1',
    ],
  ])('is not served for %s, whatever workflow and step are', (_, chain, message, answer) => {
    for (const status of WORKFLOW_STATUSES) {
      for (const epoch of [EPOCH, EPOCH - 1]) {
        const answers = forEachRecord((record) =>
          told(
            decideMessage(chain, stateOf({ ...meta, status }, { a: record }), { ...message, epoch }, MOMENT),
          ),
        );
        expect(answers).toEqual(always(answer));
      }
    }
  });
});

describe('a message in the last day of a workflow', () => {
  const DAY = 86_400_000;
  const decidedWith = (expiresAt: number) =>
    forEachRecord((record) =>
      told(decideMessage(ONE, stateOf(resumed({ expiresAt }), { a: record }), messageTo('a'), MOMENT)),
    );

  it('claims nothing: items of finished steps could expire before the workflow ends', () => {
    const before = decidedWith(NOW + DAY);
    const ending = Object.entries(before).filter(([, what]) => /^(claim|saveDeadWorker)/.test(what));
    expect(ending).toHaveLength(11);
    for (const expiresAt of [NOW + DAY - 1, NOW, NOW - DAY]) {
      expect(decidedWith(expiresAt)).toEqual({
        ...before,
        ...Object.fromEntries(ending.map(([kind]) => [kind, 'deadLetter: the workflow is about to expire'])),
      });
    }
  });
});

describe('a step that has no item yet', () => {
  const early = 'acknowledge: the steps before it are not all done';
  const claim = 'claim attempt 1 of epoch 1';
  const rows: readonly [GraphName, string, string, string][] = [
    ['line', '', 'a', claim],
    ['line', '', 'b', early],
    ['line', '', 'c', early],
    ['line', 'a', 'b', claim],
    ['line', 'a', 'c', early],
    ['line', 'a b', 'c', claim],
    ['fork', '', 'b', early],
    ['fork', '', 'c', early],
    ['fork', 'a', 'b', claim],
    ['fork', 'a', 'c', claim],
    ['fork', 'a b', 'c', claim],
    ['join', '', 'a', claim],
    ['join', '', 'b', claim],
    ['join', '', 'c', early],
    ['join', 'a', 'c', early],
    ['join', 'b', 'c', early],
    ['join', 'a b', 'c', claim],
    ['diamond', 'a', 'b', claim],
    ['diamond', 'a', 'c', claim],
    ['diamond', 'a', 'd', early],
    ['diamond', 'a b', 'd', early],
    ['diamond', 'a c', 'd', early],
    ['diamond', 'a b c', 'd', claim],
  ];
  it.each(rows)('waits for all before it: in a %s with "%s" done, %s: %s', (graph, done, step, expected) => {
    const state = doneState(resumed(), done);
    expect(told(decideMessage(chainOf(GRAPHS[graph]), state, messageTo(step), MOMENT))).toBe(expected);
  });

  it('is not claimed while a step before it waits, runs or has failed', () => {
    const states = forEachRecord((record) =>
      told(
        decideMessage(
          chainOf(GRAPHS.line),
          stateOf(resumed(), { a: record && { ...record, leaseUntil: NOW - 1, nextAttemptAt: NOW - 1 } }),
          messageTo('b'),
          MOMENT,
        ),
      ),
    );
    expect(states).toEqual({ ...always(early), completed: claim, 'completed, older epoch': claim });
  });
});
