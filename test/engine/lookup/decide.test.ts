import { describe, expect, it, onTestFinished } from 'vitest';
import { findStep } from '../../../lib/chain/graph.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { STEP_ERROR_CODES, type StepErrorCode } from '../../../lib/contract/names.ts';
import { decideMessage, type MessageDecision, type Moment } from '../../../lib/engine/decision.ts';
import { askedFirst, decideLookup } from '../../../lib/engine/lookup/decide.ts';
import { loadState } from '../../../lib/engine/shell.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../../lib/engine/state.ts';
import { openEmbeddedStore } from '../../../lib/local/store/store.ts';
import { completedOf } from '../../ports/store/fixtures.ts';
import { EPOCH, MOMENT, messageTo, NOW, RECORDS, RETRIES, resumed } from '../fixtures.ts';
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

const processing = resumed();
const compensating = resumed({ status: 'compensating' });
const CHAIN = asking();

describe('a message for a step in doubt that has failed', () => {
  const decided = (
    lookup: StepRecord | undefined,
    {
      step = DOUBT,
      meta = processing,
      moment = MOMENT,
      chain = CHAIN,
    }: {
      readonly step?: StepRecord;
      readonly meta?: WorkflowMeta;
      readonly moment?: Moment;
      readonly chain?: typeof CHAIN;
    } = {},
  ): MessageDecision =>
    askedFirst(
      decideMessage(chain, askedState(meta, 'a', { b: step }, ['b', lookup]), messageTo('b'), moment),
      moment,
    );

  it('is decided by the state of its lookup', () => {
    const again = 'ask 2, before do';
    expect(forEachLookup((lookup) => told(decided(lookup)))).toEqual({
      'no item': 'ask 1, before do',
      'running, lease live': 'hold 1',
      'running, lease live, last attempt': 'hold 20000',
      'running, lease ends now': again,
      'running, lease over, one attempt left': again,
      'running, lease over, attempts used up': 'lookup b failed',
      'retrying, not due': 'hold 1',
      'retrying, due now': again,
      'retrying, answered too early': 'ask 1, before do',
      'answered done': 'step b completed open 1 round 1',
      'answered notDone': 'step b failed open 0 round 2',
      'answered unknown': 'repeatDeadLetter',
      failed: 'repeatDeadLetter',
    });
  });

  it.each([
    ['of an epoch before', OLDER],
    ['of another round', OTHER_ROUND],
  ])('is asked for anew where the lookup is %s', (_, changes) => {
    expect(forEachLookup((lookup) => told(decided(lookup)), changes)).toEqual(all('ask 1, before do'));
  });

  it('is claimed on exactly the lookup that was loaded, whatever that is of', () => {
    for (const changes of [{}, OLDER, OTHER_ROUND]) {
      forEachLookup((lookup) => {
        const decision = decided(lookup);
        if (decision.do !== 'lookUp') return '';
        const { status, token } = lookup ?? {};
        expect(decision.expected).toEqual(lookup === undefined ? { absent: true } : { status, token });
        return '';
      }, changes);
    }
  });

  it('is changed on exactly the step that was loaded, by a new token', () => {
    for (const kind of ['answered done', 'answered notDone'] as const) {
      const decision = decided(LOOKUPS[kind]);
      expect(decision.do === 'settle' && decision.records).toMatchObject([
        {
          record: { step: 'b', token: MOMENT.token },
          expected: { status: 'failed', token: DOUBT.token },
        },
      ]);
    }
  });

  it('is not asked for in the last day of its workflow, nor where its chain has no lookup any more', () => {
    const without = { ...CHAIN, steps: CHAIN.steps.map(({ lookup: _, ...step }) => step) };
    for (const others of [{ meta: resumed(LAST_DAY) }, { chain: without }]) {
      expect(forEachLookup((lookup) => told(decided(lookup, others)))).toEqual(all('repeatDeadLetter'));
    }
  });

  it('is not asked for where it surely did nothing', () => {
    expect(forEachLookup((lookup) => told(decided(lookup, { step: { ...DOUBT, open: 0 } })))).toEqual(
      all('repeatDeadLetter'),
    );
  });

  it('comes back at once where there is too little time for a call, and not for what is only a write', () => {
    const short = { ...MOMENT, remainingMs: LIMITS.saveReserveMs + LIMITS.leastCallMs - 1 };
    const decisions = forEachLookup((lookup) => told(decided(lookup, { moment: short })));
    expect(decisions).toMatchObject({
      'no item': 'hold 0',
      'retrying, due now': 'hold 0',
      'running, lease over, attempts used up': 'lookup b failed',
      'answered done': 'step b completed open 1 round 1',
      'answered notDone': 'step b failed open 0 round 2',
    });
    const just = { ...short, remainingMs: short.remainingMs + 1 };
    expect(told(decided(undefined, { moment: just }))).toBe('ask 1, before do');
  });

  it('of any other state is decided as if there were no lookup', () => {
    const without = { ...CHAIN, steps: CHAIN.steps.map(({ lookup: _, ...step }) => step) };
    for (const [kind, record] of Object.entries(RECORDS)) {
      for (const lookup of Object.values(LOOKUPS)) {
        const state = askedState(processing, 'a', { b: record }, ['b', lookup]);
        const known = decideMessage(CHAIN, state, messageTo('b'), MOMENT);
        expect(told(askedFirst(known, MOMENT)), kind).toBe(
          told(decideMessage(without, state, messageTo('b'), MOMENT)),
        );
      }
    }
  });
});

describe('a step that surely did nothing', () => {
  const settledBy = (record: StepRecord, side: 'do' | 'undo'): StepRecord | undefined => {
    const state = askedState(processing, 'a', { b: record }, ['b', LOOKUPS['answered notDone']]);
    const step = findStep(CHAIN, 'b');
    if (step === undefined) throw new Error('there is no step b');
    const decision = decideLookup({ chain: CHAIN, step, state, action: side }, side, MOMENT);
    return decision?.do === 'settle' ? decision.records[0]?.record : undefined;
  };
  const failedBy = (code: StepErrorCode, attempt: number): StepRecord => ({
    ...DOUBT,
    attempt,
    sentHash: 'sent',
    keyedAt: NOW - 700_000,
    error: { code, message: 'm', detail: 'd', effect: 'unknown', safeUntil: 'then', noKey: true },
  });

  it('is called again where its failure passes, or its key alone stood in the way, and attempts are left', () => {
    const passing = STEP_ERROR_CODES.filter(
      (code) => settledBy(failedBy(code, RETRIES), 'do')?.status === 'retrying',
    );
    expect(passing).toEqual(
      STEP_ERROR_CODES.filter((code) =>
        [
          ...['CONNECTION_FAILED', 'CONNECTION_BROKEN', 'DEADLINE_EXCEEDED', 'TARGET_UNAVAILABLE'],
          ...['RUN_FAILED', 'WORKER_DIED', 'SECRET_UNAVAILABLE', 'KEY_EXPIRED', 'REQUEST_CHANGED'],
        ].includes(code),
      ),
    );
  });

  it('is not called again where its attempts are used up, nor where it is undone', () => {
    for (const code of STEP_ERROR_CODES) {
      expect(settledBy(failedBy(code, RETRIES + 1), 'do')?.status, code).toBe('failed');
      expect(settledBy(failedBy(code, 1), 'undo')?.status, code).toBe('failed');
    }
  });

  it('has the next key, at once, keeps what its call was answered, and no word of the last key', () => {
    expect(settledBy(failedBy('DEADLINE_EXCEEDED', 1), 'do')).toEqual({
      ...DOUBT,
      step: 'b',
      attempt: 1,
      status: 'retrying',
      nextAttemptAt: NOW,
      open: 0,
      round: DOUBT.round + 1,
      token: MOMENT.token,
      updatedAt: NOW,
      error: { code: 'DEADLINE_EXCEEDED', message: 'm', detail: 'd', effect: 'none' },
    });
  });
});

describe('a step whose target says that it was done', () => {
  it('has the result, sealed as the lookup has it, and no trace of its failure', () => {
    const answered = { ...LOOKUPS['answered done'], sealed: 'sealed' };
    const step = { ...DOUBT, sentHash: 'sent', keyedAt: NOW - 700_000 };
    const state = askedState(processing, 'a', { b: step }, ['b', answered]);
    const decision = askedFirst(decideMessage(CHAIN, state, messageTo('b'), MOMENT), MOMENT);
    const { error: _, ...kept } = DOUBT;
    expect(decision.do === 'settle' && decision.records[0]?.record).toEqual({
      ...kept,
      step: 'b',
      status: 'completed',
      token: MOMENT.token,
      completedAt: NOW,
      updatedAt: NOW,
      result: { ok: 'found' },
      sealed: 'sealed',
    });
  });
});

describe('a load that is torn', () => {
  /** What a load returns where the first answer of the table is torn, and the second is not. */
  async function loaded(first: WorkflowState): Promise<WorkflowState | undefined> {
    const second: WorkflowState = { meta: { ...first.meta, nonce: 'whole' }, steps: first.steps };
    const answers = [first, second];
    const store = await openEmbeddedStore({ kind: 'memory' });
    onTestFinished(() => store.close());
    return await loadState({ store: { ...store, load: async () => answers.shift() } }, first.meta);
  }
  const withLookup = (meta: WorkflowMeta, lookup: Partial<StepRecord>): WorkflowState =>
    askedState(meta, 'a', { b: completedOf('b', 'b') }, ['b', { ...LOOKUPS['answered done'], ...lookup }]);

  it.each<readonly [string, WorkflowMeta, Partial<StepRecord>, boolean]>([
    ['of a later epoch than META', processing, { epoch: EPOCH + 1 }, true],
    ['made before an undo, as META still goes forward', processing, BEFORE_UNDO, true],
    ['made before an undo of an epoch before', processing, { ...BEFORE_UNDO, ...OLDER }, false],
    ['made before an undo, as META is compensating', compensating, BEFORE_UNDO, false],
    ['made before an undo, as META went back', resumed({ status: 'failed' }), BEFORE_UNDO, false],
    ['made before the step was given up', processing, {}, false],
  ])('is asked for again beside a lookup %s', async (_, meta, lookup, torn) => {
    const state = await loaded(withLookup(meta, lookup));
    expect(state?.meta.nonce === 'whole').toBe(torn);
  });
});
