import { LIMITS } from '../../../lib/contract/limits.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { isDrifting } from '../world/drifting.ts';
import { answeredProblems, wordOf } from './lookup/answered.ts';
import { claimProblems as askingProblems } from './lookup/asked.ts';
import { guessedProblems } from './lookup/end.ts';
import { outcomeProblems as lookedUpProblems } from './lookup/outcome.ts';
import { outcomeProblems } from './outcomes.ts';
import {
  against,
  callOf,
  deedOf,
  harmful,
  isCompleted,
  keyOfCall,
  type Problem,
  recordsIn,
  type SeenClaim,
  type Shadow,
  stepOf,
  type Times,
} from './shadow.ts';
import { closingProblems, orderProblems, undoneByHandProblems } from './undo.ts';

/**
 * What is wrong with a write of a step's item that has just happened: which writes may follow which is written out here
 * once more, from the protocol and not from the code.
 */
export function stepProblems(shadow: Shadow, record: StepRecord, times: Times): Problem[] {
  const before = recordsIn(shadow, record).get(record.step);
  const was = before === undefined ? 'absent' : before.status;
  const write = `${deedOf(record)} went from ${was} to ${record.status}`;
  if (record.action === 'lookup') return lookupProblems(shadow, before, record, times, write);
  if (before?.status === 'completed') return [harmful(`${write}: a result that was saved is gone`)];
  const word = wordOf(shadow, before, record);
  if (before !== undefined && word !== undefined)
    return answeredProblems(shadow, before, record, word, times, write);
  if (before?.status === 'cancelled') return [harmful(`${write}: it was closed`)];
  if (record.status === 'cancelled') return closingProblems(shadow, before, record, times, write);
  if (record.action === undefined && (shadow.undos.get(record.step)?.status ?? 'pending') !== 'pending')
    return [harmful(`${write}, and its undo was claimed before`)];
  if (record.action === 'undo' && record.status === 'completed' && record.token !== before?.token)
    return undoneByHandProblems(shadow, before, record, times, write);
  if (before !== undefined && isGivenUp(shadow, before, record))
    return givenUpProblems(shadow, before, record, times, write);
  if (isClaim(shadow, record)) {
    return [
      ...claimProblems(shadow, before, record, times.now, write),
      ...(record.action === 'undo'
        ? [...orderProblems(shadow, record, times, write), ...guessedProblems(shadow, record.step, write)]
        : []),
    ];
  }
  if (before !== undefined && isSettledPivot(shadow, before, record, times.now)) return [];
  if (before?.status !== 'running') return [against(`${write}, and nobody had claimed it`)];
  const claim = shadow.claims.get(before.token);
  const putBack = claim?.before;
  if (record.status === 'pending' || (record.token !== before.token && putBack !== undefined)) {
    return putBackProblems(putBack, before, record, write);
  }
  if (record.token !== before.token) return [against(`${write} by a stale token`)];
  return endProblems(shadow, before, record, times, write);
}

/** A lookup is claimed and ends as a step does, but it is never given up without a call, nor closed. */
function lookupProblems(
  shadow: Shadow,
  before: StepRecord | undefined,
  record: StepRecord,
  times: Times,
  write: string,
): Problem[] {
  if (isClaim(shadow, record)) return askingProblems(shadow, before, record, times, write);
  if (before?.status !== 'running') return [against(`${write}, and nobody had claimed it`)];
  const putBack = shadow.claims.get(before.token)?.before;
  if (record.status === 'pending' || (record.token !== before.token && putBack !== undefined))
    return putBackProblems(putBack, before, record, write);
  if (record.token !== before.token) return [against(`${write} by a stale token`)];
  return lookedUpProblems(shadow, before, record, times, write);
}

const WITHOUT_CALL: readonly (string | undefined)[] = ['KEY_EXPIRED', 'REQUEST_CHANGED'];

/**
 * Whether a step is given up without a call, as its target may have forgotten the key, or would be sent something else under it. A claim that
 * is put back may have found it so.
 */
const isGivenUp = ({ claims }: Shadow, before: StepRecord, record: StepRecord): boolean =>
  record.status === 'failed' &&
  WITHOUT_CALL.includes(record.error?.code) &&
  record.token !== before.token &&
  claims.get(before.token)?.before?.updatedAt !== record.updatedAt;

/** A pivot that may have acted, and that nobody is calling, is said to: a new token, and nothing else of its attempts. */
const isSettledPivot = (shadow: Shadow, before: StepRecord, record: StepRecord, now: number): boolean =>
  shadow.meta.status === 'compensating' &&
  record.action === undefined &&
  stepOf(shadow, record.step).pivot &&
  record.status === 'failed' &&
  record.error?.effect === 'unknown' &&
  record.token !== before.token &&
  before.open > 0 &&
  record.open === before.open &&
  record.round === before.round &&
  (before.status !== 'running' || (before.leaseUntil ?? 0) <= now);

/** It must have acted, perhaps; nobody may be calling; and it must be too late for a call that ends in time, or its request another. */
function givenUpProblems(
  shadow: Shadow,
  before: StepRecord,
  record: StepRecord,
  { now, skewMs }: Times,
  write: string,
): Problem[] {
  const step = callOf(shadow, record);
  const { keyLifetime, timeout } = step;
  const first = shadow.firstAttempts.get(keyOfCall(shadow, before)) ?? Infinity;
  const last = first + (keyLifetime - LIMITS.leaseMargin - timeout) * 1_000;
  const problems: Problem[] = [];
  if (before.open === 0) problems.push(harmful(`${write}, and nobody can have acted on its key`));
  const isChanged = record.error?.code === 'REQUEST_CHANGED';
  if (isChanged && !isDrifting(step)) problems.push(harmful(`${write}, and its request is always the same`));
  if (!isChanged && now + skewMs <= last)
    problems.push(harmful(`${write} for its key, which could be used for ${last - now} ms more`));
  if (before.status === 'running' && (before.leaseUntil ?? Infinity) > now)
    problems.push(against(`${write} under a live lease`));
  if (record.round !== before.round || record.open !== before.open || record.error?.effect !== 'unknown')
    problems.push(harmful(`${write} for its key, and says that nobody has acted on it`));
  // Of META as it was loaded, which may have been resumed since.
  if (record.epoch > shadow.meta.epoch || record.epoch < before.epoch)
    problems.push(against(`${write} in an epoch that is not`));
  return problems;
}

/** A token is fresh at a claim, and where a claim is put back: then all the rest is what the claim had found. */
export function isClaim(shadow: Shadow, record: StepRecord): boolean {
  const { claims } = shadow;
  if (record.status !== 'running' || claims.has(record.token)) return false;
  const found = claims.get(recordsIn(shadow, record).get(record.step)?.token ?? '')?.before;
  return !(
    found?.status === 'running' &&
    found.attempt === record.attempt &&
    found.epoch === record.epoch &&
    found.leaseUntil === record.leaseUntil
  );
}

function claimProblems(
  shadow: Shadow,
  before: StepRecord | undefined,
  record: StepRecord,
  now: number,
  write: string,
): Problem[] {
  const problems: Problem[] = [];
  const step = callOf(shadow, record);
  const refuse = (why: string): number => problems.push(against(`${write}: ${why}`));
  const harm = (why: string): number => problems.push(harmful(`${write}: ${why}`));
  for (const name of step.after) if (!isCompleted(shadow, name)) refuse(`${name} is not completed`);
  if (before?.status === 'running' && (before.leaseUntil ?? Infinity) > now) refuse('under a live lease');
  if (before?.status === 'retrying' && (before.nextAttemptAt ?? Infinity) > now) harm('before it was due');
  if (before?.status === 'failed' && before.epoch >= record.epoch) refuse('without a resume');
  if (before !== undefined && record.epoch < before.epoch) refuse('for an older epoch');
  if (record.epoch > shadow.meta.epoch) refuse('for an epoch that never was');
  const earlier = before?.epoch === record.epoch ? before.attempt : 0;
  if (record.attempt !== earlier + 1) refuse(`attempt ${record.attempt} after ${earlier}`);
  if (record.attempt > step.retries + 1) harm(`attempt ${record.attempt} of ${step.retries + 1}`);
  if (record.updatedAt > now) refuse('from the future');
  if (record.leaseUntil === undefined) refuse('without a lease');
  const renewed = isRenewed(shadow, record);
  const forced = isForced(shadow, record);
  const rounds = new Set(shadow.forced.get(deedOf(record))).add(record.round);
  if (forced && rounds.size > (shadow.newKeys.get(deedOf(record)) ?? 0))
    harm('under a new key that nobody asked for');
  if (record.open !== (forced || renewed ? 1 : (before?.open ?? 0) + 1))
    refuse(`with ${record.open} open attempts`);
  return problems;
}

/** Whether a claim sends another request than the attempt before, under another key, as nobody can have acted on that one. */
const isRenewed = (shadow: Shadow, record: StepRecord): boolean => {
  const before = recordsIn(shadow, record).get(record.step);
  return before?.open === 0 && record.round === before.round + 1 && isDrifting(callOf(shadow, record));
};

/** Whether a claim is under another key than the attempt before, which somebody must have ordered. */
export const isForced = (shadow: Shadow, record: StepRecord): boolean =>
  record.action !== 'lookup' &&
  record.round !== (recordsIn(shadow, record).get(record.step)?.round ?? 0) &&
  !isRenewed(shadow, record);

/** An attempt without a call leaves everything as it was. */
function putBackProblems(
  putBack: StepRecord | undefined,
  running: StepRecord,
  record: StepRecord,
  write: string,
): Problem[] {
  const was = putBack ?? { epoch: running.epoch, attempt: 0, round: 0, open: 0, status: 'pending' };
  const same =
    record.status === was.status &&
    record.epoch === was.epoch &&
    record.attempt === was.attempt &&
    record.round === was.round &&
    record.open === was.open;
  return same ? [] : [against(`${write}, which is not what the claim had found`)];
}

/** An attempt ends by what came of its call; the last one of a step may end because its worker is no more. */
function endProblems(
  shadow: Shadow,
  running: StepRecord,
  record: StepRecord,
  { now, skewMs }: Times,
  write: string,
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (why: string): number => problems.push(against(`${write}: ${why}`));
  if (record.updatedAt > now) refuse('from the future');
  if (record.epoch !== running.epoch || record.attempt !== running.attempt) refuse('as another attempt');
  if (record.error?.code === 'WORKER_DIED') {
    const { retries, keyLifetime } = callOf(shadow, record);
    const most = keyLifetime === 0 ? record.attempt : retries + 1;
    if ((running.leaseUntil ?? Infinity) > now) refuse('for a worker that may live');
    if (record.round !== running.round || record.open !== running.open)
      refuse('for a dead worker, with a new key');
    if (record.status !== 'failed' || record.error.effect !== 'unknown' || record.attempt !== most)
      problems.push(harmful(`${write} for a dead worker, at attempt ${record.attempt} of ${most}`));
    return problems;
  }
  problems.push(...outcomeProblems(shadow, running, record, skewMs));
  const acted = shadow.effects.get(deedOf(record));
  if (record.status === 'completed' && record.action === 'undo') {
    if (record.result !== null) problems.push(harmful(`${write}: it keeps what its undo was answered`));
    if (acted === undefined && record.found !== false && !shadow.saidUndone.has(record.step))
      problems.push(harmful(`${write}, and nothing was undone`));
  } else if (record.status === 'completed') {
    const results = [...(acted?.values() ?? [])].map((result) => JSON.stringify(result));
    if (!results.includes(JSON.stringify(record.result)))
      problems.push(
        harmful(
          `${write}: its result is ${JSON.stringify(record.result)}, the target answered ${results.join(' or ')}`,
        ),
      );
  } else if (record.error?.effect === 'none') {
    const key = keyOfCall(shadow, running);
    if (acted?.has(key) === true)
      problems.push(harmful(`${write} with effect none, and the target has acted for ${key}`));
  }
  if (record.status === 'retrying' && record.nextAttemptAt === undefined) refuse('without saying when');
  return problems;
}

/**
 * What is wrong with a write by which a process that begins anew puts back what the last one left: leases end, and what may
 * have been claimed and lost counts as open; an attempt that ended a life is counted.
 * @param counts whether one at this step may have
 */
export function recoveryProblems(
  shadow: Shadow,
  record: StepRecord,
  { now, counts }: { readonly now: number; readonly counts: boolean },
): Problem[] {
  const before = recordsIn(shadow, record).get(record.step);
  const write = `${deedOf(record)} was put back from ${before?.status ?? 'absent'} to ${record.status}`;
  if (before?.status === 'completed') return [harmful(`${write}: a result that was saved is gone`)];
  if (record.round !== (before?.round ?? 0)) return [against(`${write} with a new key`)];
  const open = before?.open ?? 0;
  const attempt = before?.attempt ?? 0;
  const leaseEnded =
    before?.status === 'running' &&
    record.status === 'running' &&
    (record.leaseUntil ?? Infinity) <= now &&
    record.open === open &&
    (record.attempt === attempt || (record.attempt === attempt - 1 && !isTakenBack(shadow, before)));
  const countedAsOpen =
    record.status === (before?.status ?? 'pending') && record.open === open + 1 && record.attempt === attempt;
  const { retries } = callOf(shadow, record);
  const next = (before?.epoch === shadow.meta.epoch ? attempt : 0) + 1;
  const counted =
    record.open === open &&
    record.epoch === shadow.meta.epoch &&
    record.attempt === next &&
    (next <= retries
      ? record.status === 'retrying' && (record.nextAttemptAt ?? Infinity) <= now
      : record.status === 'failed' && record.error?.code === 'WORKER_DIED');
  if (counted && !counts) return [harmful(`${write}: an attempt counts that did not end the process`)];
  return leaseEnded || countedAsOpen || counted ? [] : [against(`${write}: there is no such write`)];
}

const isTakenBack = ({ claims }: Shadow, { token }: StepRecord): boolean =>
  claims.get(token)?.takenBack === true;

/** What is known of the claim behind an item that was put back: its token is a new one. */
export function putBackClaim(shadow: Shadow, record: StepRecord): SeenClaim {
  const before = recordsIn(shadow, record).get(record.step);
  const claim = before && shadow.claims.get(before.token);
  const takenBack = before !== undefined && (record.attempt < before.attempt || isTakenBack(shadow, before));
  const { token } = record;
  return {
    token,
    loadedAt: claim?.loadedAt ?? 0,
    before: claim?.before,
    ...(takenBack ? { takenBack } : {}),
  };
}
