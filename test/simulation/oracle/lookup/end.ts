import type { Action } from '../../../../lib/contract/names.ts';
import type { WorkflowError } from '../../../../lib/contract/wire.ts';
import { deedOf, harmful, type Problem, type Shadow, stepOf } from '../shadow.ts';
import { isInVain } from './asked.ts';

/** Whether nobody knows if a step acted. */
export const isInDoubt = ({ steps }: Shadow, step: string): boolean => {
  const record = steps.get(step);
  return record !== undefined && record.status !== 'completed' && record.open > 0;
};

/** Whether the target of a step in doubt has yet to be asked, on this way. */
function mayBeAsked(shadow: Shadow, step: string, side: Action): boolean {
  if (stepOf(shadow, step).lookup === undefined || !isInDoubt(shadow, step)) return false;
  const lookup = shadow.lookups.get(step);
  const isOfThis =
    lookup !== undefined &&
    lookup.epoch === shadow.meta.epoch &&
    lookup.round === shadow.steps.get(step)?.round &&
    (lookup.before ?? 'do') === side;
  return !(isOfThis && isInVain(lookup));
}

/** What is wrong with a workflow that is given up because of a step that failed, whose target could tell what became of its call. */
export const unaskedProblems = (shadow: Shadow, { step }: WorkflowError, write: string): Problem[] =>
  mayBeAsked(shadow, step, 'do') ? [harmful(`${write}, and the target of ${step} was not asked`)] : [];

/** What is wrong with a compensation that fails because nobody knows whether a step acted. */
export function unknownProblems(shadow: Shadow, { step }: WorkflowError, write: string): Problem[] {
  if (!isInDoubt(shadow, step)) return [harmful(`${write}, and ${step} is in no doubt`)];
  if ((shadow.undos.get(step)?.status ?? 'pending') !== 'pending')
    return [harmful(`${write}, and the undo of ${step} was claimed`)];
  return mayBeAsked(shadow, step, 'undo')
    ? [harmful(`${write}, and the target of ${step} was not asked`)]
    : [];
}

/** What is wrong with a pivot that counts as past, and may yet turn out to have done nothing. */
export const pivotProblems = (shadow: Shadow, pivot: string | undefined, write: string): Problem[] =>
  pivot !== undefined && mayBeAsked(shadow, pivot, 'undo')
    ? [harmful(`${write}, and the target of ${pivot} was not asked`)]
    : [];

/** What is wrong with an undo that is called for a step in doubt: its target could tell whether there is anything to undo. */
export const guessedProblems = (shadow: Shadow, step: string, write: string): Problem[] => {
  const { lookup } = stepOf(shadow, step);
  const isOrdered = (shadow.newKeys.get(deedOf({ step, action: 'undo' })) ?? 0) > 0;
  return lookup !== undefined && isInDoubt(shadow, step) && !isOrdered
    ? [harmful(`${write}, and nobody knows whether ${step} acted, nor said that it is to be undone`)]
    : [];
};
