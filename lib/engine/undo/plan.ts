import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { successors } from '../../chain/graph.ts';
import type { UndoPlanStep } from '../../contract/wire.ts';
import { excerpt } from '../mask.ts';
import { build, keyOf, looking } from '../request/seen.ts';
import { recordsOf, type WorkflowState } from '../state.ts';
import { undoing } from './undoing.ts';
import { isInDoubt, undoOf } from './words.ts';

/**
 * What an undo would do with each step that did something, or may have: the last ones first, as it would go. It builds the requests and
 * calls nobody.
 */
export const planOf = (chain: ChainDefinition, state: WorkflowState): readonly UndoPlanStep[] =>
  chain.steps.toReversed().flatMap((step) => {
    const inDoubt = isInDoubt(state, step.name);
    if (state.steps.get(step.name)?.status !== 'completed' && !inDoubt) return [];
    const isUndone = undoOf(state, step.name)?.status === 'completed';
    return [
      {
        step: step.name,
        ...(inDoubt ? { inDoubt } : {}),
        ...(isUndone ? { does: 'isUndone' as const } : calls(chain, step, state)),
        waitsFor: successors(chain, step.name).map(({ name }) => name),
      },
    ];
  });

type Does = Pick<UndoPlanStep, 'does' | 'idempotencyKey' | 'request' | 'problem'>;

function calls(chain: ChainDefinition, step: StepDefinition, state: WorkflowState): Does {
  if (step.undo === undefined) return { does: 'stays' };
  const at = { chain, step: undoing(step), state, action: 'undo' } as const;
  const round = recordsOf(state, 'undo').get(step.name)?.round ?? 0;
  const seenBy = looking();
  const built = build(at, round, seenBy);
  if (built === undefined) return { does: 'runs', idempotencyKey: keyOf(at, round) };
  if ('failure' in built) return { does: 'fails', problem: built.failure.message };
  const { target, method, path } = built.spec;
  const request = { target, method, path: excerpt(path, seenBy(at).secrets()) };
  return { does: 'calls', idempotencyKey: built.key, request };
}
