import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { successors } from '../../chain/graph.ts';
import type { UndoPlanStep } from '../../contract/wire.ts';
import { buildLookup } from '../lookup/looking-up.ts';
import { excerpt } from '../mask.ts';
import type { BuiltRequest } from '../request/build.ts';
import { build, keyOf, looking } from '../request/seen.ts';
import { recordsOf, type WorkflowState } from '../state.ts';
import { isInDoubt } from './doubt.ts';
import { undoing } from './undoing.ts';
import { undoOf } from './words.ts';

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
        ...(inDoubt ? asks(chain, step, state) : {}),
        ...(isUndone ? { does: 'isUndone' as const } : calls(chain, step, state)),
        waitsFor: successors(chain, step.name).map(({ name }) => name),
      },
    ];
  });

/** What is asked of the target of a step in doubt before its undo is called, if anything. */
function asks(
  chain: ChainDefinition,
  step: StepDefinition,
  state: WorkflowState,
): Pick<UndoPlanStep, 'lookup'> {
  const { lookup, undo } = step;
  if (lookup === undefined || undo === undefined || undoOf(state, step.name) !== undefined) return {};
  const seenBy = looking();
  const built = buildLookup({ chain, step, state }, state.steps.get(step.name)?.round ?? 0, seenBy);
  if ('failure' in built) return { lookup: { problem: built.failure.message } };
  const secrets = seenBy({ chain, step, state, action: 'undo' }).secrets();
  return { lookup: requestIn(built, secrets) };
}

const requestIn = ({ spec: { target, method, path } }: BuiltRequest, secrets: readonly string[]) => ({
  target,
  method,
  path: excerpt(path, secrets),
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
  return { does: 'calls', idempotencyKey: built.key, request: requestIn(built, seenBy(at).secrets()) };
}
