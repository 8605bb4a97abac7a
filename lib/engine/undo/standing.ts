import type { ChainDefinition } from '../../chain/definition.ts';
import { recordsOf, type StepRecord, type WorkflowState } from '../state.ts';
import { isInDoubt } from './doubt.ts';
import { needsUndo } from './words.ts';

/** How the undo of a step stands. */
export interface Standing {
  readonly step: string;
  /** Undefined where nobody has claimed it yet. */
  readonly undo: StepRecord | undefined;
  /** Nobody knows whether the step acted. */
  readonly inDoubt?: true;
}

/**
 * How the undos of a workflow stand: of each step that needs one, in the order of the chain.
 * @param chain undefined where this deployment does not know the version: then only of those that were claimed
 */
export function standings(chain: ChainDefinition | undefined, state: WorkflowState): readonly Standing[] {
  const undos = recordsOf(state, 'undo');
  const needed = chain?.steps.filter((step) => needsUndo(state, step)).map(({ name }) => name) ?? [];
  return [...new Set([...needed, ...undos.keys()])].map((step) => ({
    step,
    undo: undos.get(step),
    ...(isInDoubt(state, step) ? { inDoubt: true } : {}),
  }));
}
