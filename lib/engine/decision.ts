import type { ChainDefinition, StepDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { DAY_MS, LIMITS } from '../contract/limits.ts';
import type { CallKind } from '../contract/names.ts';
import type { StepError, StepMessage } from '../contract/wire.ts';
import type { StepExpectation } from './ports.ts';
import type { Built } from './request/build.ts';
import { forgottenAt, keyedAt, safeUntil, safeUntilOf } from './retry.ts';
import {
  type AttemptRecord,
  iso,
  recordsOf,
  type StepRecord,
  type WorkflowMeta,
  type WorkflowState,
} from './state.ts';

/** A step of a workflow as it was loaded, and what is to be done: what it does, its undo, or its lookup. */
export interface Place {
  readonly chain: ChainDefinition;
  /** Of an undo: what its call is made by. */
  readonly step: StepDefinition;
  readonly state: WorkflowState;
  readonly action: CallKind;
}

/**
 * What a worker does with a message (docs/architecture.md, "The step protocol", 2). Pure: the loaded state and the
 * moment come from outside. `expected` is the state that a write was decided from.
 */
export type MessageDecision =
  | { readonly do: 'deadLetter'; readonly because: string }
  | { readonly do: 'awaitDeployment'; readonly because: string }
  | { readonly do: 'acknowledge'; readonly because: string }
  | { readonly do: 'advance'; readonly at: Place }
  | { readonly do: 'repeatDeadLetter'; readonly at: Place }
  | { readonly do: 'hold'; readonly until: number }
  | ({
      readonly do: 'saveDeadWorker' | 'saveKeyExpired' | 'saveRequestChanged' | 'saveNotAsked' | 'skip';
    } & Saving)
  /** The target of a step in doubt is asked, under this claim of its lookup; then it is decided again. */
  | ({ readonly do: 'lookUp' } & Saving)
  /** Records to be written first, such as those that are closed, so that nobody claims their steps; then it is decided again. */
  | {
      readonly do: 'settle';
      readonly at: Place;
      readonly records: readonly { readonly record: StepRecord; readonly expected: StepExpectation }[];
    }
  | { readonly do: 'claim'; readonly at: Place; readonly claim: Claim };

/** A record to be written where its step still is what it was loaded as. */
export interface Saving {
  readonly at: Place;
  readonly record: StepRecord;
  readonly expected: StepExpectation;
}

/** A claim to be written, and the item to write back should there be no time left for the call. */
export interface Claim {
  readonly record: StepRecord;
  readonly expected: StepExpectation;
  readonly before: StepRecord;
  /** What is to be sent; undefined for a `run` step. */
  readonly built: Built | undefined;
  /** When the target may forget the key, in milliseconds since 1970, where an earlier attempt may have acted on it. */
  readonly forgottenAt: number | undefined;
}

/** What a decision takes from outside: the time, a fresh token, how long its function may still run, and what its step would send. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly token: string;
  readonly remainingMs: number;
  /** Builds the request of a round; undefined for a `run` step. */
  build(at: Place, round: number): Built | undefined;
}

/** The place that a message is for; or the first rows of the protocol, where this deployment has none. */
export function placeOf(
  chain: ChainDefinition | undefined,
  state: WorkflowState | undefined,
  message: StepMessage,
): Omit<Place, 'action'> | Extract<MessageDecision, { do: 'deadLetter' | 'awaitDeployment' }> {
  if (state === undefined) return { do: 'deadLetter', because: 'there is no such workflow' };
  const { meta } = state;
  if (meta.chain !== message.chain || meta.version !== message.version) {
    return { do: 'deadLetter', because: `the workflow is of ${meta.chain} version ${meta.version}` };
  }
  const step = chain && findStep(chain, message.step);
  if (chain === undefined || step === undefined) {
    return {
      do: 'awaitDeployment',
      because: 'this deployment does not know that version or step, or has other steps under it',
    };
  }
  return { chain, step, state };
}

/** Rows in the order of the protocol; the first that fits decides, but for what `askedFirst` and `ifNeeded` put in its place. */
export function decideMessage(
  chain: ChainDefinition | undefined,
  state: WorkflowState | undefined,
  message: StepMessage,
  moment: Moment,
): MessageDecision {
  const place = placeOf(chain, state, message);
  return 'do' in place ? place : decideStep({ ...place, action: 'do' }, message, moment);
}

function decideStep(at: Place, message: StepMessage, moment: Moment): MessageDecision {
  const { step, state } = at;
  const { meta } = state;
  if (meta.status !== 'processing') return { do: 'acknowledge', because: `the workflow is ${meta.status}` };
  const record = state.steps.get(step.name);
  // A resume while the call was under way sent a message that waits for the lease: the retry is due before.
  if (message.epoch < meta.epoch && record?.status !== 'retrying') {
    return { do: 'acknowledge', because: 'the message is of an older epoch' };
  }
  if (isDone(record)) return { do: 'advance', at };
  if (record?.status === 'failed' && record.epoch === meta.epoch) return { do: 'repeatDeadLetter', at };
  if (!isReady(state, step)) return { do: 'acknowledge', because: 'the steps before it are not all done' };
  const until = notBefore(record, moment.now);
  return until === undefined ? begin(at, moment) : { do: 'hold', until };
}

/** The last rows, which are the same for a step and for an undo: nothing stands in the way of another attempt but what became of earlier ones. */
export function begin(at: Place, moment: Moment): MessageDecision {
  const { step, state, action } = at;
  const { meta } = state;
  const { now } = moment;
  const record = recordsOf(state, action).get(step.name);
  if (isExpiring(meta, now)) return { do: 'deadLetter', because: 'the workflow is about to expire' };
  // A target that takes no key is not called again by itself where its last call may have acted.
  const mostAttempts = step.keyLifetime === 0 ? 0 : step.retries;
  if (record?.status === 'running' && attemptsInEpoch(state, record) > mostAttempts) {
    return { do: 'saveDeadWorker', at, record: deadWorker(record, step, now), expected: exactly(record) };
  }
  if (record !== undefined && !isForced(meta, record)) {
    const until = safeUntil(step, record);
    if (until !== undefined && now > until) {
      return {
        do: 'saveKeyExpired',
        at,
        record: keyExpired(at, record, until, moment),
        expected: exactly(record),
      };
    }
  }
  return claim(at, record, moment);
}

/** The claim, unless it would send another request under a key on which an earlier attempt may have acted. */
function claim(at: Place, record: StepRecord | undefined, moment: Moment): MessageDecision {
  const ordered = record !== undefined && isForced(at.state.meta, record);
  const round = (record?.round ?? 0) + (ordered ? 1 : 0);
  const built = moment.build(at, round);
  if (record === undefined || ordered || !isChanged(record, built)) {
    return { do: 'claim', at, claim: claimOf(at, { built, number: round, first: ordered }, moment) };
  }
  if (record.open > 0) {
    const failed = requestChanged(at, record, moment);
    return { do: 'saveRequestChanged', at, record: failed, expected: exactly(record) };
  }
  // Nobody has acted on the key, but its target may remember it with the other request.
  const next = { built: moment.build(at, round + 1), number: round + 1, first: true };
  return { do: 'claim', at, claim: claimOf(at, next, moment) };
}

/** Whether another request would be sent now than in the record's round. */
export const isChanged = ({ sentHash }: StepRecord, built: Built | undefined): boolean => {
  const hash = hashOf(built);
  return sentHash !== undefined && hash !== undefined && hash !== sentHash;
};

const hashOf = (built: Built | undefined): string | undefined =>
  built === undefined || 'failure' in built ? undefined : built.hash;

/** Whether an operator ordered a new key for the step since its last claim. */
const isForced = ({ newKey, newKeys }: WorkflowMeta, { step, epoch }: StepRecord): boolean =>
  epoch < Math.max(newKeys?.[step] ?? 0, newKey?.step === step ? newKey.epoch : 0);

/** Whether a workflow's last day has begun: then nothing of it is claimed or resumed any more. */
export const isExpiring = ({ expiresAt }: WorkflowMeta, now: number): boolean =>
  now > expiresAt - LIMITS.noClaimLastDays * DAY_MS;

/** Whether a step counts as done for those after it. */
export const isDone = (record: StepRecord | undefined): boolean =>
  record?.status === 'completed' || record?.status === 'skipped';

/** Whether every step directly before `step` is done. */
export const isReady = (state: WorkflowState, step: StepDefinition): boolean =>
  step.after.every((before) => isDone(state.steps.get(before)));

/** Until when a step's item must be left alone: its lease, or the time of its next attempt; undefined if it need not. */
export function notBefore(record: StepRecord | undefined, now: number): number | undefined {
  const until =
    record?.status === 'running'
      ? record.leaseUntil
      : record?.status === 'retrying'
        ? record.nextAttemptAt
        : undefined;
  return until !== undefined && until > now ? until : undefined;
}

/** Attempts begin anew in each epoch. */
export const attemptsInEpoch = (state: WorkflowState, record: StepRecord): number =>
  record.epoch === state.meta.epoch ? record.attempt : 0;

/** The expectation that finds `record`, or no item, as it was loaded. A token names one claim: its status says the rest. */
export const exactly = (record: StepRecord | undefined): StepExpectation =>
  record === undefined ? { absent: true } : { status: record.status, token: record.token };

/** A step's item as it was loaded. Of a step without one: the item that says nothing was claimed yet. */
export const recordOf = (
  state: WorkflowState,
  step: string,
  now: number,
  token: string,
  action: CallKind = 'do',
): StepRecord =>
  recordsOf(state, action).get(step) ?? {
    step,
    ...(action === 'do' ? {} : { action }),
    status: 'pending',
    epoch: state.meta.epoch,
    attempt: 0,
    round: 0,
    open: 0,
    token,
    updatedAt: now,
    attempts: [],
  };

/** The round of a claim: what it sends, and whether its key has never been used. */
interface Round {
  readonly built: Built | undefined;
  readonly number: number;
  readonly first: boolean;
}

/** The lease lasts as long as this very function may still run: longer than the step needs, where another version's needs more. */
function claimOf({ state, step, action }: Place, round: Round, { now, token, remainingMs }: Moment): Claim {
  const { meta } = state;
  const before = recordOf(state, step.name, now, token, action);
  // While nobody can have acted on the key, it does not matter when it was first used.
  const first = round.first || before.open === 0;
  const attempt = attemptsInEpoch(state, before) + 1;
  const sentHash = hashOf(round.built) ?? (round.first ? undefined : before.sentHash);
  const record: StepRecord = {
    step: step.name,
    status: 'running',
    epoch: meta.epoch,
    attempt,
    round: round.number,
    open: (round.first ? 0 : before.open) + 1,
    keyedAt: first ? now : keyedAt(before),
    ...(sentHash === undefined ? {} : { sentHash }),
    token,
    leaseUntil: now + remainingMs + LIMITS.leaseMargin * 1_000,
    startedAt: before.startedAt ?? now,
    updatedAt: now,
    attempts: withAttempt(interrupted(before, now), {
      epoch: meta.epoch,
      attempt,
      round: round.number,
      outcome: 'running',
      startedAt: now,
    }),
  };
  const forgotten = first ? undefined : forgottenAt(step, before);
  const expected = exactly(recordsOf(state, action).get(step.name));
  const claimed = action === 'do' ? record : { ...record, action };
  return { record: claimed, expected, before, built: round.built, forgottenAt: forgotten };
}

/** The attempts of an item and one more, as far as they are kept. */
export const withAttempt = (
  attempts: readonly AttemptRecord[],
  attempt: AttemptRecord,
): readonly AttemptRecord[] => [...attempts, attempt].slice(-LIMITS.attemptsKept);

/** The attempts of an item, the last one marked as interrupted if no outcome of it was ever saved. */
export function interrupted(record: StepRecord, now: number): readonly AttemptRecord[] {
  return record.attempts.map((attempt) =>
    attempt.outcome === 'running'
      ? { ...attempt, outcome: 'interrupted', endedAt: Math.min(now, record.leaseUntil ?? now) }
      : attempt,
  );
}

/** The failure saved for workers that all died: nobody knows what their calls did, so the round stays. */
export function deadWorker(record: StepRecord, step: StepDefinition, now: number): StepRecord {
  const { leaseUntil: _, ...kept } = record;
  return {
    ...kept,
    status: 'failed',
    updatedAt: now,
    attempts: interrupted(record, now),
    error: {
      code: 'WORKER_DIED',
      message: `the function of step "${step.name}" ended ${record.attempt} times without saving an outcome`,
      effect: 'unknown',
      ...safeUntilOf(step, record),
    },
  };
}

/** The failure saved for a step whose call may have acted, where its target may have forgotten the key: it would act again. */
const keyExpired = (at: Place, record: StepRecord, until: number, moment: Moment): StepRecord =>
  withoutCall(at, record, moment, {
    code: 'KEY_EXPIRED',
    message:
      at.step.keyLifetime === 0
        ? `the call of step "${at.step.name}" may have acted, and its target takes no idempotency key`
        : `the call of step "${at.step.name}" may have acted, and could be repeated until ${iso(until)} only: its target may forget the idempotency key after ${at.step.keyLifetime} s`,
  });

/** The failure saved for a step whose call may have acted, and would send something else under the same key now: targets refuse that, or take it for done. */
const requestChanged = (at: Place, record: StepRecord, moment: Moment): StepRecord =>
  withoutCall(at, record, moment, {
    code: 'REQUEST_CHANGED',
    message: `the call of step "${at.step.name}" may have acted, and its request is no longer the one that was sent`,
    ...safeUntilOf(at.step, record),
  });

function withoutCall(
  { state }: Place,
  record: StepRecord,
  { now, token }: Moment,
  error: Pick<StepError, 'code' | 'message' | 'safeUntil'>,
): StepRecord {
  const { leaseUntil: _, nextAttemptAt: __, ...kept } = record;
  return {
    ...kept,
    status: 'failed',
    epoch: state.meta.epoch,
    attempt: attemptsInEpoch(state, record),
    token,
    updatedAt: now,
    attempts: interrupted(record, now),
    error: {
      ...(record.error?.target === undefined ? {} : { target: record.error.target }),
      ...error,
      detail: record.error?.detail ?? 'nothing is known of its last call',
      effect: 'unknown',
    },
  };
}
