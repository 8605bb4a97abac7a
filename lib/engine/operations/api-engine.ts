import { toldOf } from '../errors.ts';
import type { Outgoing } from '../ports.ts';
import type { Engine } from '../shell.ts';
import type { WorkflowMeta } from '../state.ts';

/** What the requests of clients need. */
export type ApiEngine = Engine<'store' | 'queue' | 'clock' | 'random' | 'telemetry'>;

/** META is saved, so the promise stands: should the queue refuse, the reconciler sends. */
export async function sendOrLeave(
  { ports }: ApiEngine,
  meta: WorkflowMeta,
  outgoing: readonly Outgoing[],
): Promise<void> {
  try {
    await ports.queue.send(outgoing);
  } catch (error) {
    const { workflowId } = meta;
    ports.telemetry.emit({ event: 'unexpected_error', where: 'send', ...toldOf(error), workflowId });
  }
}
