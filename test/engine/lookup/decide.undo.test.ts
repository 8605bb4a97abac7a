import { describe, expect, it } from 'vitest';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../../lib/engine/state.ts';
import { decideUndo } from '../../../lib/engine/undo/decide.ts';
import { EPOCH, MOMENT, messageTo, NOW, RECORDS, resumed } from '../fixtures.ts';
import {
  all,
  askedState,
  asking,
  BEFORE_UNDO,
  DOUBT,
  forEachLookup,
  LAST_DAY,
  LOOKUPS,
  OLDER,
  OTHER_ROUND,
  told,
} from './tables.ts';

const compensating = resumed({ status: 'compensating' });
const CHAIN = asking();

describe('a message for a step in doubt of a workflow that is compensating', () => {
  const decided = (
    lookup: StepRecord | undefined,
    {
      chain = CHAIN,
      step = DOUBT,
      meta = compensating,
      undo = undefined,
    }: {
      readonly chain?: typeof CHAIN;
      readonly step?: StepRecord;
      readonly meta?: WorkflowMeta;
      readonly undo?: StepRecord | undefined;
    } = {},
  ): string => {
    const state = askedState(meta, 'a', { b: step }, ['b', lookup]);
    const undos = undo && new Map([['b', { ...undo, step: 'b', action: 'undo' as const }]]);
    const loaded: WorkflowState = undos === undefined ? state : { ...state, undos };
    const decision = decideUndo(chain, loaded, messageTo('b', { action: 'undo' }), MOMENT);
    return decision.do === 'claim' ? `claim ${decision.claim.record.action}` : told(decision);
  };

  it('is decided by the state of its lookup, made before the undo', () => {
    const again = 'ask 2, before undo';
    const expected = {
      'no item': 'ask 1, before undo',
      'running, lease live': 'hold 1',
      'running, lease live, last attempt': 'hold 20000',
      'running, lease ends now': again,
      'running, lease over, one attempt left': again,
      'running, lease over, attempts used up': 'lookup b failed',
      'retrying, not due': 'hold 1',
      'retrying, due now': again,
      'retrying, answered too early': 'ask 1, before undo',
      'answered done': 'step b completed open 1 round 1',
      'answered notDone': 'step b failed open 0 round 2',
      'answered unknown': 'repeatDeadLetter',
      failed: 'repeatDeadLetter',
    };
    expect(forEachLookup((lookup) => decided(lookup), BEFORE_UNDO)).toEqual(expected);
  });

  it('is decided so by one that was made before it was given up, but for what that found out in vain', () => {
    const expected = all('ask 1, before undo', {
      'running, lease live': 'hold 1',
      'running, lease live, last attempt': 'hold 20000',
      'retrying, not due': 'hold 1',
      'answered done': 'step b completed open 1 round 1',
      'answered notDone': 'step b failed open 0 round 2',
    });
    expect(forEachLookup((lookup) => decided(lookup))).toEqual(expected);
  });

  it.each([
    ['of an epoch before', OLDER],
    ['of another round', OTHER_ROUND],
  ])('is asked for anew where the lookup is %s', (_, changes) => {
    expect(forEachLookup((lookup) => decided(lookup), { ...BEFORE_UNDO, ...changes })).toEqual(
      all('ask 1, before undo'),
    );
  });

  it('waits for late effects first, whatever was answered', () => {
    const step = { ...DOUBT, updatedAt: NOW - 20_000 };
    expect(forEachLookup((lookup) => decided(lookup, { step }), BEFORE_UNDO)).toEqual(all('hold 40000'));
  });

  it('is undone without asking where its undo was claimed, or a person ordered it', () => {
    const undo = RECORDS['retrying, due now'];
    const meta = { ...compensating, newKey: { step: 'b', epoch: EPOCH } };
    expect(forEachLookup((lookup) => decided(lookup, { undo }), BEFORE_UNDO)).toEqual(all('claim undo'));
    expect(forEachLookup((lookup) => decided(lookup, { meta }), BEFORE_UNDO)).toEqual(all('claim undo'));
  });

  it('is asked for where an order of a new key was for the step itself, or is of an epoch before', () => {
    const forStep = { ...compensating, newKey: { step: 'b', epoch: EPOCH }, undoEpoch: EPOCH };
    const before = { ...compensating, newKey: { step: 'b', epoch: EPOCH - 1 } };
    for (const meta of [forStep, before]) expect(decided(undefined, { meta })).toBe('ask 1, before undo');
  });

  it('is not asked for where it has no undo: it is over', () => {
    const chain = asking('b');
    expect(forEachLookup((lookup) => decided(lookup, { chain }), BEFORE_UNDO)).toEqual(all('advance'));
  });

  it('is not asked for in the last day of its workflow', () => {
    const meta = { ...compensating, ...LAST_DAY };
    expect(forEachLookup((lookup) => decided(lookup, { meta }), BEFORE_UNDO)).toEqual(
      all('repeatDeadLetter'),
    );
  });

  it('is asked for where it was closed as it waited for its next attempt', () => {
    const step: StepRecord = { ...DOUBT, status: 'cancelled', epoch: EPOCH - 1 };
    expect(decided(undefined, { step })).toBe('ask 1, before undo');
    expect(decided({ ...LOOKUPS['answered notDone'], ...BEFORE_UNDO }, { step })).toBe(
      'step b cancelled open 0 round 2',
    );
  });
});

describe('a pivot in doubt of a workflow that is compensating', () => {
  const chain = asking('b c', { pivot: false });
  const PIVOT = { ...chain, steps: chain.steps.map((step) => ({ ...step, pivot: step.name === 'b' })) };
  const decided = (
    to: string,
    lookup: StepRecord | undefined,
    step: StepRecord = DOUBT,
    meta: WorkflowMeta = compensating,
  ): string => {
    const state = askedState(meta, 'a', { b: step }, ['b', lookup]);
    return told(decideUndo(PIVOT, state, messageTo(to, { action: 'undo' }), MOMENT));
  };

  it('is asked for by its own message, and is past where that was in vain', () => {
    const again = 'ask 2, before undo';
    expect(forEachLookup((lookup) => decided('b', lookup), BEFORE_UNDO)).toEqual({
      'no item': 'ask 1, before undo',
      'running, lease live': 'hold 1',
      'running, lease live, last attempt': 'hold 20000',
      'running, lease ends now': again,
      'running, lease over, one attempt left': again,
      'running, lease over, attempts used up': 'lookup b failed',
      'retrying, not due': 'hold 1',
      'retrying, due now': again,
      'retrying, answered too early': 'ask 1, before undo',
      'answered done': 'step b completed open 1 round 1',
      'answered notDone': 'step b failed open 0 round 2',
      'answered unknown': 'repeatDeadLetter',
      failed: 'repeatDeadLetter',
    });
  });

  it('is asked for once it can act no more', () => {
    const step = { ...DOUBT, updatedAt: NOW - 20_000 };
    expect(decided('b', undefined, step)).toBe('hold 40000');
  });

  it('lets nothing before it be undone: a message for that goes on to the pivot, or says that it is past', () => {
    const expected = all('advance', { 'answered unknown': 'repeatDeadLetter', failed: 'repeatDeadLetter' });
    expect(forEachLookup((lookup) => decided('a', lookup), BEFORE_UNDO)).toEqual(expected);
  });

  it('is past in the last day of its workflow', () => {
    const meta = { ...compensating, ...LAST_DAY };
    for (const to of ['a', 'b']) {
      expect(forEachLookup((lookup) => decided(to, lookup, DOUBT, meta), BEFORE_UNDO)).toEqual(
        all('repeatDeadLetter'),
      );
    }
  });

  it('did nothing where its target says so: what stands before it is undone', () => {
    const step = { ...DOUBT, open: 0, round: DOUBT.round + 1 };
    const lookup = { ...LOOKUPS['answered notDone'], ...BEFORE_UNDO };
    const state = askedState(compensating, 'a', { b: step }, ['b', lookup]);
    const decision = decideUndo(PIVOT, state, messageTo('a', { action: 'undo' }), MOMENT);
    expect(decision.do === 'claim' && decision.claim.record).toMatchObject({ step: 'a', action: 'undo' });
  });
});
