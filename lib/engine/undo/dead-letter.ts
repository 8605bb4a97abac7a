import type { ChainDefinition } from '../../chain/definition.ts';
import { findStep } from '../../chain/graph.ts';
import type { StepMessage, WorkflowError } from '../../contract/wire.ts';
import { againOr, type DeadLetterDecision, errorOf, expired, notTaken } from '../dead-letter.ts';
import { isExpiring, notBefore } from '../decision.ts';
import { askingOf, lookupOf } from '../lookup/words.ts';
import type { WorkflowState } from '../state.ts';
import { lateUntil } from './doubt.ts';
import { pivotIs } from './pivot.ts';
import { askingBeforeUndo, isLive, isUndoUnsure, overSteps, undoOf } from './words.ts';

/**
 * What the step-failed handler does with a dead letter of a workflow that is `compensating` (docs/architecture.md, "Undo"). Rows from top to
 * bottom; the first that fits decides.
 */
export function decideUndoDeadLetter(
  chain: ChainDefinition,
  state: WorkflowState,
  message: StepMessage,
  now: number,
): DeadLetterDecision {
  const { meta } = state;
  const undo = undoOf(state, message.step);
  if (message.epoch < meta.epoch) {
    // The call of the undo ended after the resume: its message was held, or its dead letter is this.
    const ended = undo?.status === 'failed' && undo.epoch < meta.epoch;
    if (ended) return { do: 'queueAgain', trips: { trip: 0 } };
    return { do: 'acknowledge', because: 'the dead letter is of an older epoch' };
  }
  const pivot = pivotIs('past', chain, state, now);
  if (pivot !== undefined) return { do: 'fail', error: pastPivot(pivot.name, state) };
  const step = findStep(chain, message.step);
  // A message that did, and goes on as an undo, counts as one of the undo once that was claimed.
  const isOfDo = message.action === 'do' && undo === undefined;
  if (isOfDo || step === undefined || overSteps(chain, state, now).has(step.name)) {
    return { do: 'advanceUndo' };
  }
  if (undo?.status === 'failed' && undo.epoch === meta.epoch) return { do: 'failUndo', error: errorOf(undo) };
  const asking = step.pivot ? askingOf(state, step, 'undo', now) : askingBeforeUndo(state, step, now);
  const waits =
    isLive(state.steps.get(step.name), now) ||
    notBefore(undo, now) !== undefined ||
    lateUntil(state, step, now) !== undefined ||
    asking === 'waits';
  if (waits) {
    return { do: 'acknowledge', because: 'the step, or its undo, is under way; the reconciler watches it' };
  }
  if (isExpiring(meta, now)) return { do: 'failUndo', error: expired(meta, step.name, undo) };
  if (isUndoUnsure(state, step)) return { do: 'failUndo', error: unanswered(step.name, state) };
  return againOr(state, message, undo ?? (asking === 'no' ? undefined : lookupOf(state, step.name)), () => ({
    do: 'failUndo',
    error: notTaken(message, undo, undefined),
  }));
}

const unanswered = (step: string, state: WorkflowState): WorkflowError => ({
  code: 'LOOKUP_UNKNOWN',
  message: `nobody knows whether the call of step "${step}" acted, and its lookup did not find out: it was not undone`,
  effect: 'unknown',
  step,
  // How often it was asked.
  attempts: lookupOf(state, step)?.attempt ?? 0,
});

const pastPivot = (step: string, { steps }: WorkflowState): WorkflowError => ({
  code: 'PAST_PIVOT',
  message: `the pivot "${step}" acted, or may have, before the workflow could be taken back: nothing was undone`,
  effect: 'unknown',
  step,
  attempts: steps.get(step)?.attempt ?? 0,
});
