import type { ChainDefinition, StepDefinition } from '../chain/definition.ts';
import { descendants, successors } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import { isDone, isReady } from './decision.ts';
import { added, type Engine, erase, idsOf, loadState, messageFor, saveMeta, toStep, undue } from './shell.ts';
import type { WorkflowMeta, WorkflowState } from './state.ts';
import { advanceUndo } from './undo/advance.ts';

/** What follows a step that is done: the steps to queue, or the end of the workflow. */
export interface Advance {
  readonly queue: readonly StepDefinition[];
  readonly complete: boolean;
}

/** Whether a step was claimed in this epoch and not put back: it has a message of its own, or the reconciler watches it. */
const isTaken = ({ meta, steps }: WorkflowState, name: string): boolean => {
  const record = steps.get(name);
  return record !== undefined && record.status !== 'pending' && record.epoch === meta.epoch;
};

/** Advances from a completed step. Only where the workflow is `processing`; else nothing follows. */
export function decideAdvance(chain: ChainDefinition, state: WorkflowState, name: string): Advance {
  if (state.meta.status !== 'processing') return { queue: [], complete: false };
  return {
    queue: successors(chain, name).filter(
      (step) => !isTaken(state, step.name) && !isDone(state.steps.get(step.name)) && isReady(state, step),
    ),
    complete: allDone(chain, state),
  };
}

/** Whether every step of the chain is done. */
export const allDone = (chain: ChainDefinition, state: WorkflowState): boolean =>
  chain.steps.every((step) => isDone(state.steps.get(step.name)));

/**
 * Whether a worker that saved `name` must load again before it advances: unless every other step is done or comes after
 * it, two steps that end together could each miss the other.
 */
export function mustReload(chain: ChainDefinition, state: WorkflowState, name: string): boolean {
  const after = descendants(chain, name);
  return chain.steps.some(
    (step) => step.name !== name && !after.has(step.name) && !isDone(state.steps.get(step.name)),
  );
}

type AdvanceEngine = Engine<'store' | 'queue' | 'clock' | 'telemetry'>;

/** Queues what follows a completed step, or completes the workflow. */
export async function advance(
  engine: AdvanceEngine,
  chain: ChainDefinition,
  state: WorkflowState,
  step: string,
): Promise<void> {
  const { queue } = engine.ports;
  let latest: WorkflowState | undefined = state;
  for (let tries = 0; latest !== undefined && tries < LIMITS.decisions; tries += 1) {
    const { meta } = latest;
    if (meta.status === 'compensating') return await advanceUndo(engine, chain, latest, step);
    const next = decideAdvance(chain, latest, step);
    if (next.queue.length > 0) await queue.send(next.queue.map(({ name }) => toStep(messageFor(meta, name))));
    if (!next.complete || (await complete(engine, chain, meta))) return;
    latest = await loadState(engine.ports, meta);
  }
  if (latest !== undefined) {
    throw new Error(`META of ${state.meta.workflowId} changed at every try to complete it`);
  }
}

/** One write: META to `completed`, its sensitive input gone. False if META is no longer what it was decided from. */
async function complete(
  { ports }: AdvanceEngine,
  chain: ChainDefinition,
  meta: WorkflowMeta,
): Promise<boolean> {
  const now = ports.clock.now();
  const { status, epoch } = meta;
  const completed: WorkflowMeta = {
    ...undue(erase(meta, chain.sensitive)),
    status: 'completed',
    updatedAt: now,
  };
  if (!(await saveMeta(ports, completed, { status, epoch }))) return false;
  const durationMs = now - meta.createdAt;
  ports.telemetry.emit(added(idsOf(meta), { event: 'workflow_completed', durationMs }));
  return true;
}
