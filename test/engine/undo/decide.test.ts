import { describe, expect, it } from 'vitest';
import type { MessageDecision } from '../../../lib/engine/decision.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { decideUndo } from '../../../lib/engine/undo/decide.ts';
import { completedOf } from '../../ports/store/fixtures.ts';
import {
  buildChain,
  doneState,
  EPOCH,
  GRAPHS,
  type GraphName,
  MOMENT,
  messageTo,
  NOW,
  RECORDS,
  RETRIES,
  type RecordKind,
  resumed,
} from '../fixtures.ts';

const compensating = resumed({ status: 'compensating' });
const undo = { run: () => null, retries: RETRIES };

/** A chain each of whose steps can be undone, but those that `without` names. */
const undoable = (graph: GraphName, without = '') =>
  buildChain(GRAPHS[graph], (name) => ({
    run: () => null,
    retries: RETRIES,
    ...(without.split(' ').includes(name) ? {} : { undo }),
  }));
const LINE = undoable('line');

const isIn = (record: StepRecord | undefined): record is StepRecord => record !== undefined;

/** A decision in a few words. */
function told(decision: MessageDecision): string {
  switch (decision.do) {
    case 'settle':
      return `close ${decision.records.map(({ record }) => record.step).join(' ')}`;
    case 'claim':
      return `claim ${decision.claim.record.action} ${decision.claim.record.step}`;
    case 'hold':
      return `hold ${decision.until - NOW}`;
    case 'acknowledge':
      return `acknowledge: ${decision.because}`;
    default:
      return decision.do;
  }
}

interface Given {
  /** Of steps, beside those that are `done`. */
  readonly steps?: Readonly<Record<string, StepRecord | undefined>>;
  readonly undos?: Readonly<Record<string, StepRecord | undefined>>;
  readonly done?: string;
  readonly chain?: ReturnType<typeof undoable>;
  readonly message?: Parameters<typeof messageTo>[1];
}

function decided(
  step: string,
  { steps = {}, undos = {}, done = '', chain = LINE, message = {} }: Given,
): string {
  const state = doneState(compensating, done, steps);
  const records = Object.entries(undos).flatMap(([name, record]) =>
    isIn(record) ? [[name, { ...record, step: name, action: 'undo' as const }] as const] : [],
  );
  const all = records.length === 0 ? state : { ...state, undos: new Map(records) };
  return told(decideUndo(chain, all, messageTo(step, { action: 'undo', ...message }), MOMENT));
}

const forEach = (decide: (record: StepRecord | undefined) => string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(RECORDS).map(([kind, record]) => [kind, decide(record)]));

/** Late effects of a step in doubt are over: its last write was long ago. */
const long = (record: StepRecord): StepRecord => ({ ...record, updatedAt: NOW - 61_000 });

describe('a message for a step of a workflow that is compensating', () => {
  it('is decided by the state of the step where nothing behind it was reached', () => {
    const close = 'close b';
    const expected: Readonly<Record<RecordKind, string>> = {
      'no item': close,
      'put back': close,
      'running, lease live': 'hold 1',
      'running, lease live, last attempt': 'hold 20000',
      'running, lease ends now': close,
      'running, lease over, one attempt left': close,
      'running, lease over, attempts used up': close,
      'retrying, not due': close,
      'retrying, due now': close,
      'retrying, overdue': close,
      completed: 'close c',
      'completed, older epoch': 'close c',
      failed: 'advance',
      // It failed before a resume: it could be claimed again.
      'failed, older epoch': close,
      'put back, older epoch': close,
      'running, lease live, older epoch': 'hold 7000',
      'running, lease over, older epoch': close,
      'retrying, not due, older epoch': close,
      'retrying, due, older epoch': close,
    };
    expect(forEach((record) => decided('b', { done: 'a', steps: { b: record } }))).toEqual(expected);
  });

  it('is decided by the state of the undo where all behind it is over', () => {
    const claim = 'claim undo c';
    const expected: Readonly<Record<RecordKind, string>> = {
      'no item': claim,
      'put back': claim,
      'running, lease live': 'hold 1',
      'running, lease live, last attempt': 'hold 20000',
      'running, lease ends now': claim,
      'running, lease over, one attempt left': claim,
      'running, lease over, attempts used up': 'saveDeadWorker',
      'retrying, not due': 'hold 1',
      'retrying, due now': claim,
      'retrying, overdue': claim,
      completed: 'advance',
      'completed, older epoch': 'advance',
      failed: 'repeatDeadLetter',
      'failed, older epoch': claim,
      'put back, older epoch': claim,
      'running, lease live, older epoch': 'hold 7000',
      'running, lease over, older epoch': claim,
      'retrying, not due, older epoch': 'hold 9000',
      'retrying, due, older epoch': claim,
    };
    expect(forEach((record) => decided('c', { done: 'a b c', undos: { c: record } }))).toEqual(expected);
  });

  it('of an older epoch counts only for an undo that is retrying', () => {
    const older = { done: 'a b c', message: { epoch: EPOCH - 1 } };
    const ignored = 'acknowledge: the message is of an older epoch';
    for (const [kind, record] of Object.entries(RECORDS)) {
      const decision = decided('c', { ...older, undos: { c: record } });
      expect(decision === ignored, kind).toBe(record?.status !== 'retrying');
    }
  });

  it.each(['do', 'undo'] as const)('is decided by META, whatever it asks: %s', (action) => {
    expect(decided('c', { done: 'a b c', message: { action } })).toBe('claim undo c');
  });

  it('waits for every step behind it: who ends there comes back', () => {
    expect(decided('a', { done: 'a b c' })).toBe('advance');
    expect(decided('b', { done: 'a b c', undos: { c: RECORDS['running, lease live'] } })).toBe('advance');
    expect(decided('b', { done: 'a b c', undos: { c: completedOf('c', 'c') } })).toBe('claim undo b');
  });

  it('of a step without an undo waits for every step behind it, too, and is then over', () => {
    const chain = undoable('line', 'b');
    expect(decided('a', { chain, done: 'a b c' })).toBe('advance');
    expect(decided('a', { chain, done: 'a b', steps: { c: RECORDS['no item'] } })).toBe('close c');
    expect(decided('a', { chain, done: 'a b c', undos: { c: completedOf('c', 'c') } })).toBe('claim undo a');
  });

  it('waits for late effects of a step in doubt, with an undo or without', () => {
    const open = { ...RECORDS.failed, open: 1, updatedAt: NOW - 20_000 };
    for (const without of ['', 'c']) {
      const chain = undoable('line', without);
      expect(decided('c', { chain, done: 'a b', steps: { c: open } })).toBe('hold 40000');
    }
    expect(decided('c', { done: 'a b', steps: { c: long(open) } })).toBe('claim undo c');
    expect(decided('c', { chain: undoable('line', 'c'), done: 'a b', steps: { c: long(open) } })).toBe(
      'advance',
    );
  });

  it('closes all that is reached behind it and idle, branches at once', () => {
    expect(decided('a', { chain: undoable('fork'), done: 'a' })).toBe('close b c');
    const running = { b: RECORDS['running, lease live'] };
    expect(decided('a', { chain: undoable('fork'), done: 'a', steps: running })).toBe('close c');
  });
});
