import type { ChainDefinition } from '../../chain/definition.ts';
import { ancestors, descendants } from '../../chain/graph.ts';
import { LIMITS } from '../../contract/limits.ts';
import { type Engine, erase, idsOf, loadState, messageFor, saveMeta, toStep, undue } from '../shell.ts';
import type { WorkflowMeta, WorkflowState } from '../state.ts';
import { isAllOver, needsMessage, nextSteps } from './words.ts';

type AdvanceEngine = Engine<'store' | 'queue' | 'clock' | 'telemetry'>;

/**
 * Queues what is next in a workflow that is `compensating`, or ends its compensation where every step is over. Nothing follows in any other
 * status.
 * @param from the step whose message it was: what is neither it, nor before or after it, is for others to queue. Left out: all of it.
 */
export async function advanceUndo(
  engine: AdvanceEngine,
  chain: ChainDefinition,
  state: WorkflowState,
  from?: string,
): Promise<void> {
  const { clock, queue } = engine.ports;
  let latest: WorkflowState | undefined = state;
  for (let tries = 0; latest !== undefined && tries < LIMITS.decisions; tries += 1) {
    const { meta } = latest;
    if (meta.status !== 'compensating') return;
    if (!isAllOver(chain, latest, clock.now())) {
      const messages = messagesOf(chain, latest, clock.now(), from);
      if (messages.length > 0) await queue.send(messages);
      return;
    }
    if (await end(engine, chain, meta)) return;
    latest = await loadState(engine.ports, meta);
  }
  if (latest !== undefined) {
    throw new Error(`META of ${state.meta.workflowId} changed at every try to end its compensation`);
  }
}

function messagesOf(chain: ChainDefinition, state: WorkflowState, now: number, from: string | undefined) {
  const isNear = (name: string): boolean =>
    from === undefined ||
    name === from ||
    ancestors(chain, from).has(name) ||
    descendants(chain, from).has(name);
  return nextSteps(chain, state, now)
    .filter((step) => isNear(step.name) && needsMessage(state, step, now))
    .map(({ name }) => toStep(messageFor(state.meta, name)));
}

/** One write: META to `compensated`, its sensitive input gone. False if META is no longer what it was decided from. */
async function end({ ports }: AdvanceEngine, chain: ChainDefinition, meta: WorkflowMeta): Promise<boolean> {
  const now = ports.clock.now();
  const { status, epoch } = meta;
  const erased = erase(meta, chain.sensitive);
  const compensated: WorkflowMeta = {
    // Where on-call was not told yet of the failure, the reconciler has that left to do.
    ...(meta.notify === undefined ? undue(erased) : erased),
    status: 'compensated',
    updatedAt: now,
  };
  if (!(await saveMeta(ports, compensated, { status, epoch }))) return false;
  ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_compensated', durationMs: now - meta.createdAt });
  return true;
}
