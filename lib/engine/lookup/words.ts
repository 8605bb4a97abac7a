import type { StepDefinition } from '../../chain/definition.ts';
import type { Action } from '../../contract/names.ts';
import { isExpiring, notBefore } from '../decision.ts';
import { recordsOf, type StepRecord, type WorkflowState } from '../state.ts';
import { isInDoubt } from '../undo/doubt.ts';

/*
 * The words of asking (docs/architecture.md, "Lookup"). Pure: each says of one step of a workflow, as it was loaded, what the tables ask. Times
 * are milliseconds since 1970.
 */

/** The lookup of a step, where it counts: it is of META's epoch and of the step's round. */
export function lookupOf(state: WorkflowState, step: string): StepRecord | undefined {
  const record = recordsOf(state, 'lookup').get(step);
  if (record === undefined || record.epoch !== state.meta.epoch) return undefined;
  return record.round === state.steps.get(step)?.round ? record : undefined;
}

/** What a lookup was made before: a step was given up, or undone. */
export const sideOf = ({ before }: StepRecord): Action => before ?? 'do';

/** It brought no answer that says what the call did, and nobody asks again. */
const hasEnded = ({ status, answer }: StepRecord): boolean =>
  status === 'failed' || (status === 'completed' && answer === 'unknown');

/** Whether a lookup was made that found nothing out. Before an undo it is asked anew, as it is later then. */
export function isInVain(state: WorkflowState, step: string, side: Action): boolean {
  const lookup = lookupOf(state, step);
  return lookup !== undefined && hasEnded(lookup) && sideOf(lookup) === side;
}

/** How a step stands that may have to be asked for: `due` also where there is an answer that nothing was made of yet. */
export type Asking = 'no' | 'waits' | 'due';

/** Whether the target of a step in doubt is to be asked before the step is given up, or undone. */
export function askingOf(
  state: WorkflowState,
  { name, lookup }: StepDefinition,
  side: Action,
  now: number,
): Asking {
  if (lookup === undefined || !isInDoubt(state, name) || isExpiring(state.meta, now)) return 'no';
  if (isInVain(state, name, side)) return 'no';
  return waitsUntil(state, name, now) === undefined ? 'due' : 'waits';
}

/** Until when a lookup must be left alone: somebody asks, or its next attempt is not due. Who asks since before a resume asks for nothing that counts. */
export function waitsUntil(state: WorkflowState, step: string, now: number): number | undefined {
  return notBefore(lookupOf(state, step), now);
}
