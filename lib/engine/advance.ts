import type { ChainDefinition } from '../chain/definition.ts';
import { LIMITS } from '../contract/limits.ts';
import { decideAdvance } from './decision.ts';
import { added, type Engine, erase, idsOf, loadState, messageFor, saveMeta, toStep, undue } from './shell.ts';
import type { WorkflowMeta, WorkflowState } from './state.ts';

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
