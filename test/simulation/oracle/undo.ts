import type { StepDefinition } from '../../../lib/chain/definition.ts';
import { ancestors, descendants } from '../../../lib/chain/graph.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import {
  against,
  deedOf,
  harmful,
  keyOfCall,
  type Problem,
  type Shadow,
  stepOf,
  type Times,
} from './shadow.ts';

/*
 * What is promised of undo, written out from the promises: what has been done is taken back in reverse order, once, and nothing else is.
 */

const isLive = (record: StepRecord | undefined, now: number): boolean =>
  record?.status === 'running' && (record.leaseUntil ?? Infinity) > now;

/** Whether nobody knows if a step acted. */
const isInDoubt = (record: StepRecord | undefined): boolean =>
  record !== undefined && record.status !== 'completed' && record.open > 0;

/** Whether somebody may have claimed a step: nobody does who has loaded the workflow since it is taken back. */
const wasReached = ({ steps, turnedAt = 0 }: Shadow, { after }: StepDefinition, skewMs: number): boolean =>
  after.every((name) => (steps.get(name)?.completedAt ?? Infinity) <= turnedAt + skewMs);

/** The steps that are done after one, directly or not. */
const behind = ({ chain }: Shadow, step: string): readonly StepDefinition[] => {
  const names = descendants(chain, step);
  return chain.steps.filter(({ name }) => names.has(name));
};

/** Keys of a step whose effects stand. One that an operator replaced is the operator's to look after. */
const standing = (shadow: Shadow, step: string): readonly string[] => {
  const { effects, forced, stale, steps, undone } = shadow;
  const last = keyOfCall(shadow, { step, round: steps.get(step)?.round ?? 0 });
  return [...(effects.get(step)?.keys() ?? [])].filter(
    (key) => !undone.has(key) && !stale.has(key) && (key === last || !forced.has(step)),
  );
};

/** What is wrong with the closing of a step, by which nobody can claim it any more. */
export function closingProblems(
  { meta, turnedAt }: Shadow,
  before: StepRecord | undefined,
  record: StepRecord,
  { now }: Times,
  write: string,
): Problem[] {
  const problems: Problem[] = [];
  const { round = 0, open = 0 } = before ?? {};
  const isTakenBack = turnedAt !== undefined && meta.status !== 'processing' && meta.status !== 'completed';
  if (!isTakenBack || record.action !== undefined)
    problems.push(harmful(`${write}, and its workflow is ${meta.status}`));
  if (isLive(before, now)) problems.push(harmful(`${write} under a live lease`));
  if (before?.status === 'failed' && before.epoch === meta.epoch)
    problems.push(against(`${write}, and nobody could have claimed it`));
  if (record.token === before?.token) problems.push(against(`${write} with the token of its claim`));
  if (record.round !== round || record.open !== open)
    problems.push(harmful(`${write}, and what it may have done is forgotten`));
  if (record.attempts.at(-1)?.outcome === 'running')
    problems.push(against(`${write}, and its last attempt runs`));
  return problems;
}

/** What is wrong with a person's word that a step is undone. */
export function undoneByHandProblems(
  shadow: Shadow,
  before: StepRecord | undefined,
  record: StepRecord,
  { now }: Times,
  write: string,
): Problem[] {
  const problems: Problem[] = [];
  const { round = 0, open = 0 } = before ?? {};
  if (!shadow.saidUndone.has(record.step)) problems.push(harmful(`${write}, and nobody said so`));
  if (shadow.turnedAt === undefined) problems.push(harmful(`${write}, and nothing is taken back`));
  if (isLive(before, now)) problems.push(harmful(`${write} under a live lease`));
  if (record.round !== round || record.open !== open) problems.push(against(`${write} with other attempts`));
  return problems;
}

/** What is wrong with the claim of an undo: it comes after all that follows its step, and its step is closed. */
export function orderProblems(
  shadow: Shadow,
  { step, epoch }: StepRecord,
  { now, skewMs }: Times,
  write: string,
): Problem[] {
  const { meta, steps, undos, turnedAt } = shadow;
  const problems: Problem[] = [];
  const refuse = (why: string): number => problems.push(against(`${write}: ${why}`));
  const isTakenBack =
    turnedAt !== undefined &&
    meta.status !== 'processing' &&
    meta.status !== 'completed' &&
    meta.status !== 'failed';
  if (!isTakenBack) problems.push(harmful(`${write}, and its workflow is ${meta.status}`));
  if (meta.status === 'compensated') refuse('all is undone');
  const isClosed = (name: string): boolean => {
    const { status, epoch: of = 0 } = steps.get(name) ?? {};
    return (
      status === 'completed' ||
      status === 'cancelled' ||
      (status === 'failed' && of >= epoch) ||
      (undos.get(name)?.status ?? 'pending') !== 'pending'
    );
  };
  const record = steps.get(step);
  if (isLive(record, now)) refuse('its step is under a live lease');
  if (!isClosed(step)) refuse('its step is not closed');
  if (record?.status !== 'completed' && !isInDoubt(record)) refuse('its step did nothing');
  const lateBy = stepOf(shadow, step).lateBy * 1_000;
  if (isInDoubt(record) && (record?.updatedAt ?? 0) + lateBy > now) refuse('its step may still act late');
  for (const one of behind(shadow, step)) {
    if (!wasReached(shadow, one, -skewMs)) continue;
    const after = steps.get(one.name);
    if (!isClosed(one.name)) refuse(`${one.name} is not closed`);
    const needed = one.undo !== undefined && (after?.status === 'completed' || isInDoubt(after));
    if (needed && undos.get(one.name)?.status !== 'completed') refuse(`${one.name} is not undone`);
  }
  return problems;
}

/** What an undo did. */
export interface UndoEffect {
  readonly step: string;
  /** Under which it was done, and the one whose effect it was told to take back. */
  readonly key: string;
  readonly undoneKey: string;
}

/** What is wrong with an undo that takes effect at its target just now. */
export function undoEffectProblems(shadow: Shadow, { step, key, undoneKey }: UndoEffect): string[] {
  const { chain, effects, saidUndone, steps, turnedAt } = shadow;
  const what = `${deedOf({ step, action: 'undo' })} took effect under ${key}`;
  const problems: string[] = [];
  if (turnedAt === undefined) problems.push(`${what}, and nothing is taken back`);
  const record = steps.get(step);
  if (record?.status !== 'completed' && !isInDoubt(record)) problems.push(`${what}: its step did nothing`);
  if (undoneKey !== keyOfCall(shadow, { step, round: record?.round ?? 0 }))
    problems.push(`${what} for ${undoneKey}, which is not the key of its step`);
  for (const one of behind(shadow, step)) {
    if (one.undo === undefined || saidUndone.has(one.name)) continue;
    for (const stands of standing(shadow, one.name)) problems.push(`${what}, and ${stands} stands`);
  }
  const pivot = chain.steps.find((one) => one.pivot);
  if (pivot !== undefined && (effects.get(pivot.name)?.size ?? 0) > 0)
    problems.push(`${what}, and the pivot ${pivot.name} has acted`);
  return problems;
}

/** What is wrong with a step that takes effect at its target just now, where steps are taken back. */
export function lateEffectProblems(shadow: Shadow, step: string, key: string): string[] {
  const { chain, effects, meta, saidUndone, undos } = shadow;
  if (saidUndone.has(step)) return [];
  const problems: string[] = [];
  const what = `${step} took effect under ${key}`;
  const isUndone = (name: string): boolean =>
    effects.has(deedOf({ step: name, action: 'undo' })) || undos.get(name)?.found === false;
  if (isUndone(step)) problems.push(`${what} after its undo`);
  for (const before of ancestors(chain, step))
    if (isUndone(before)) problems.push(`${what} after the undo of ${before}, which comes before it`);
  if (meta.status === 'compensated') problems.push(`${what}, and the workflow is compensated`);
  return problems;
}

/** What is wrong where a workflow counts as taken back just now. */
export const compensatedProblems = (shadow: Shadow, now: number): Problem[] =>
  shadow.chain.steps.flatMap(({ name, undo }) => [
    ...(undo === undefined || shadow.saidUndone.has(name)
      ? []
      : standing(shadow, name).map((key) => harmful(`the workflow is compensated, and ${key} stands`))),
    ...(isLive(shadow.steps.get(name), now) || isLive(shadow.undos.get(name), now)
      ? [against(`the workflow is compensated, and ${name} is under a live lease`)]
      : []),
  ]);
