import type { ChainDefinition } from '../../chain/definition.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { OperationName, WorkflowStatus } from '../../contract/names.ts';
import type { UndoBody, UndoPlan, WorkflowAnswer } from '../../contract/wire.ts';
import { toldOf } from '../errors.ts';
import { ProblemError } from '../problems.ts';
import { definitionOf, idsOf, loadState, undue, whyUndeployed } from '../shell.ts';
import type { WorkflowKey, WorkflowMeta, WorkflowState } from '../state.ts';
import { advanceUndo } from '../undo/advance.ts';
import { pivotInTheWay } from '../undo/pivot.ts';
import { planOf } from '../undo/plan.ts';
import type { ApiEngine } from './api-engine.ts';
import { change, deployed, refuseExpiring, withOperation } from './changing.ts';
import { answer, existing } from './read.ts';

/** From which statuses a workflow may be taken back, and as which operation. */
export interface TakingBack {
  readonly from: readonly WorkflowStatus[];
  readonly operation: OperationName;
}

const UNDO: TakingBack = { from: ['failed'], operation: 'undo' };
/** A cancel that takes back what is done. */
export const CANCEL_WITH_UNDO: TakingBack = { from: ['processing', 'failed'], operation: 'cancel' };

/** Takes a failed workflow back: what its steps did is undone in reverse order. */
export const undo = (engine: ApiEngine, key: WorkflowKey, body: UndoBody = {}): Promise<WorkflowAnswer> =>
  takeBack(engine, key, UNDO, body.reason);

/**
 * Turns META to `compensating`, and queues what is to be undone first. Errors: `ProblemError` where the status does not allow it, where no step
 * declares an undo, and where the pivot has acted, or may have.
 */
export async function takeBack(
  engine: ApiEngine,
  key: WorkflowKey,
  { from, operation }: TakingBack,
  reason: string | undefined,
): Promise<WorkflowAnswer> {
  const nonce = engine.ports.random.token();
  const state = await change(engine, key, nonce, [from, 'undone'], (loaded, now) => {
    const refusal = refusalOf(engine, loaded, now);
    if (refusal !== undefined) throw refusal;
    // Who takes it back knows of its failure.
    const { notify: _, ...meta } = undue(loaded.meta);
    const compensating = compensatingFrom(meta, now);
    const operations = withOperation(meta, operation, now, reason);
    return { ...loaded, meta: { ...compensating, undoEpoch: meta.epoch, operations, nonce } };
  });
  const { meta } = state;
  engine.ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_compensating' });
  return answer(engine, await begun(engine, state));
}

/** META as its compensation begins, or begins anew. */
export function compensatingFrom(meta: WorkflowMeta, now: number): WorkflowMeta {
  const wait = LIMITS.reconcileInterval * 1_000;
  return { ...meta, status: 'compensating', updatedAt: now, dueAt: now + wait, dueAfter: wait };
}

/**
 * Queues what is next, from a load after the write: a branch that ended in between has queued nothing. META is saved, so the promise stands:
 * should the table or the queue refuse, the reconciler goes on.
 * @returns the state as it is then
 */
export async function begun(engine: ApiEngine, state: WorkflowState): Promise<WorkflowState> {
  const { meta } = state;
  try {
    const latest = (await loadState(engine.ports, meta)) ?? state;
    const chain = definitionOf(engine.chains, latest.meta);
    if (chain !== undefined) await advanceUndo(engine, chain, latest);
    return (await loadState(engine.ports, meta)) ?? latest;
  } catch (error) {
    const { workflowId } = meta;
    engine.ports.telemetry.emit({ event: 'unexpected_error', where: 'undo', ...toldOf(error), workflowId });
    return state;
  }
}

/** Why a workflow cannot be taken back; undefined where it can. */
function refusalOf(engine: ApiEngine, state: WorkflowState, now: number): ProblemError | undefined {
  const { meta } = state;
  const chain = definitionOf(engine.chains, meta);
  if (chain === undefined) {
    const { message, next } = whyUndeployed(engine.chains, meta);
    return new ProblemError('WRONG_STATUS', `${message}. ${next}`);
  }
  const pivot = pivotInTheWay(chain, state);
  if (pivot !== undefined) return pastPivot(chain, state, pivot);
  if (chain.steps.every((step) => step.undo === undefined)) {
    return new ProblemError(
      'NO_UNDO',
      `no step of ${chain.name} says how it is undone; declare an undo beside the step and deploy, or cancel the workflow`,
    );
  }
  if (meta.erased) {
    return new ProblemError(
      'ERASED',
      'what the undo would need of its input was erased; cancel the workflow',
    );
  }
  return refuseExpiring(meta, now);
}

function pastPivot(chain: ChainDefinition, { steps }: WorkflowState, pivot: string): ProblemError {
  const stands = chain.steps
    .map(({ name }) => name)
    .filter((name) => steps.get(name)?.status === 'completed');
  return new ProblemError(
    'PAST_PIVOT',
    `the step ${pivot} has acted, or may have, and beyond it there is only forward: resume. What stands: ${stands.join(', ') || 'nothing that is known'}`,
  );
}

/** What a workflow that is taken back is waiting for. */
const GOES_ON: Partial<Readonly<Record<WorkflowStatus, string>>> = {
  compensating: ': it is being taken back',
  compensation_failed: ': a resume goes on with what is left',
};

/** What an undo would do; it calls nobody. */
export async function undoPlan(engine: ApiEngine, key: WorkflowKey): Promise<UndoPlan> {
  const state = await existing(engine, key);
  const { meta } = state;
  const chain = deployed(engine, meta);
  const now = engine.ports.clock.now();
  const refusal = CANCEL_WITH_UNDO.from.includes(meta.status)
    ? refusalOf(engine, state, now)
    : new ProblemError('WRONG_STATUS', `the workflow is ${meta.status}${GOES_ON[meta.status] ?? ''}`);
  return {
    workflowId: meta.workflowId,
    chain: meta.chain,
    status: meta.status,
    ...(refusal === undefined ? {} : { refused: refusal.problem }),
    steps: meta.erased ? [] : [...planOf(chain, state)],
  };
}
