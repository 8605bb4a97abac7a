import type { ChainDefinition } from '../../chain/definition.ts';
import { notBefore } from '../decision.ts';
import { messageFor, type Repair, toStep, toStepFailed } from '../shell.ts';
import type { WorkflowState } from '../state.ts';
import { lateUntil } from './doubt.ts';
import { pivotIs } from './pivot.ts';
import { askingBeforeUndo, isAllOver, isLive, isUndoUnsure, nextSteps, undoOf } from './words.ts';

/** What a workflow needs, that is being taken back, that nothing else may bring (docs/architecture.md, "The reconciler"). */
export function undoRepairs(
  chain: ChainDefinition,
  state: WorkflowState,
  now: number,
  queuesLost: boolean,
): readonly Repair[] {
  const { meta } = state;
  const [root] = chain.steps;
  const pivot = pivotIs('past', chain, state, now);
  if (pivot !== undefined) {
    return [
      { why: 'the pivot has acted, or may have', outgoing: toStepFailed(messageFor(meta, pivot.name)) },
    ];
  }
  if (root !== undefined && isAllOver(chain, state, now)) {
    return [{ why: 'all steps are over', outgoing: toStep(messageFor(meta, root.name)) }];
  }
  return nextSteps(chain, state, now).flatMap((step) => {
    const undo = undoOf(state, step.name);
    const message = messageFor(meta, step.name);
    if (undo?.status === 'failed' && undo.epoch === meta.epoch) {
      return [{ why: 'the undo failed', outgoing: toStepFailed(message) }];
    }
    if (isUndoUnsure(state, step)) {
      return [{ why: 'the lookup found nothing out', outgoing: toStepFailed(message) }];
    }
    const waits =
      isLive(state.steps.get(step.name), now) ||
      notBefore(undo, now) !== undefined ||
      lateUntil(state, step, now) !== undefined ||
      askingBeforeUndo(state, step, now) === 'waits';
    return waits && !queuesLost ? [] : [{ why: 'the step is to be undone', outgoing: toStep(message) }];
  });
}
