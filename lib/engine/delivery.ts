import type * as z from 'zod';
import { LIMITS } from '../contract/limits.ts';
import { queueSuffix, stepQueue } from '../contract/names.ts';
import { newerMessage, type StepMessage, stepMessage } from '../contract/wire.ts';
import { attemptsInEpoch } from './decision.ts';
import { EngineError, toldOf } from './errors.ts';
import { lookupOf } from './lookup/words.ts';
import type { Delivery } from './ports.ts';
import { type Engine, idsOf, loadState } from './shell.ts';
import { recordsOf } from './state.ts';
import { isInDoubt } from './undo/doubt.ts';

/** What becomes of a message: deleted, or back in its queue once its visibility ends. */
export type Handled = 'acknowledge' | 'retry';

type DeliveryEngine = Engine<'queue' | 'telemetry'>;

/**
 * Reads a delivery and handles its message. Never throws: a body that cannot be read goes to the parking queue alone, and
 * whatever goes wrong outside brings the message back. What only a newer version understands waits for its deployment.
 */
export function handling(
  engine: DeliveryEngine,
  delivery: Delivery,
  handle: (message: StepMessage) => Promise<Handled>,
): Promise<Handled> {
  const json = readJson(delivery.body);
  const message = readAs(stepMessage, json, delivery);
  const handled =
    message !== undefined
      ? handle(message)
      : readAs(newerMessage, json, delivery) === undefined
        ? park(engine, delivery)
        : Promise.reject(
            new EngineError('NEWER_VERSION', 'a message asks for an action that is not known here'),
          );
  return handled.catch((error) =>
    error instanceof EngineError && error.code === 'NEWER_VERSION'
      ? awaitDeployment(engine, delivery, message, error)
      : tryLater(engine, delivery, message, error),
  );
}

/** The message in a delivery; undefined if it cannot be read here or belongs to another queue. */
export const readMessage = (delivery: Delivery): StepMessage | undefined =>
  readAs(stepMessage, readJson(delivery.body), delivery);

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The message in a delivery; undefined if it cannot be read or belongs to another queue. */
function readAs<Message extends Pick<StepMessage, 'chain' | 'step'>>(
  schema: z.ZodType<Message>,
  json: unknown,
  { queue }: Delivery,
): Message | undefined {
  const { success, data } = schema.safeParse(json);
  if (!success) return undefined;
  // The dead letters of every step are in one queue.
  const fits =
    'chain' in queue ? data.chain === queue.chain && data.step === queue.step : queue.kind === 'stepFailed';
  return fits ? data : undefined;
}

/**
 * A deployment may be under way, or have been rolled back. The message waits for it, and is let go before its queue would park
 * it: what is to be done is in the table too, and the reconciler of the newer version sends it again.
 */
async function awaitDeployment(
  engine: DeliveryEngine,
  delivery: Delivery,
  message: StepMessage | undefined,
  error: EngineError,
): Promise<Handled> {
  const { queue, receiveCount } = delivery;
  const most = queue.kind === 'step' ? LIMITS.receivesUnknown : LIMITS.deadLetterMaxReceives - 1;
  if (receiveCount < most) return await tryLater(engine, delivery, message, error);
  complain(engine, delivery, message, error);
  return 'acknowledge';
}

async function park({ ports }: DeliveryEngine, { body, queue }: Delivery): Promise<Handled> {
  await ports.queue.park(body);
  ports.telemetry.emit({
    event: 'message_parked',
    queue: queueSuffix(queue),
    reason: 'the body is not a message of this queue',
  });
  return 'acknowledge';
}

/** The message comes back sooner than its visibility timeout would let it, and later each time. */
async function tryLater(
  engine: DeliveryEngine,
  delivery: Delivery,
  message: StepMessage | undefined,
  error: unknown,
): Promise<Handled> {
  complain(engine, delivery, message, error);
  return await comeBackLater(engine, delivery);
}

const complain = (
  { ports }: DeliveryEngine,
  { queue }: Delivery,
  message: StepMessage | undefined,
  error: unknown,
): void =>
  ports.telemetry.emit({
    event: 'unexpected_error',
    where: queueSuffix(queue),
    ...toldOf(error),
    ...(message === undefined ? {} : { ...idsOf(message), step: message.step }),
  });

/** Hides a message for 2 s, and twice as long after each further receive, up to 5 minutes. */
export const comeBackLater = (engine: Pick<DeliveryEngine, 'ports'>, delivery: Delivery): Promise<'retry'> =>
  comeBackIn(engine, delivery, 2 ** Math.min(delivery.receiveCount, 10) * 1_000, LIMITS.backoffCap * 1_000);

/** Hides a message for so many milliseconds. The table has the due time: if this fails it merely comes back at another time. */
export async function comeBackIn(
  { ports }: Pick<DeliveryEngine, 'ports'>,
  delivery: Delivery,
  ms: number,
  most: number = LIMITS.visibility * 1_000,
): Promise<'retry'> {
  try {
    await ports.queue.setVisibility(delivery, Math.min(Math.max(0, ms), most));
  } catch {
    // It comes back when its visibility timeout ends.
  }
  return 'retry';
}

/**
 * A message that the table kept from being handled must not become a dead letter: after three of them the step would be given up as
 * one whose function takes nothing. The step is in the table, and the reconciler sends its message once the table is well.
 */
export function leftToReconciler(
  { ports }: DeliveryEngine,
  message: StepMessage,
  error: unknown,
): 'acknowledge' {
  const { chain, step } = message;
  const ids = { ...idsOf(message), step };
  const where = queueSuffix(stepQueue({ chain, step }));
  ports.telemetry.emit({ ...ids, event: 'unexpected_error', where, ...toldOf(error) });
  const because = 'the table does not answer; the reconciler sends it again';
  ports.telemetry.emit({ ...ids, event: 'message_ignored', because });
  return 'acknowledge';
}

/**
 * Whether a call that comes after another one in the same invocation would have less time than its definition says: the next invocation has all of it.
 * @param timeout of the call, in seconds
 */
export const isShort = (
  { progress, remainingMs }: { readonly progress: { readonly attempted: boolean }; remainingMs(): number },
  { timeout }: { readonly timeout: number },
): boolean => progress.attempted && remainingMs() - LIMITS.saveReserveMs < timeout * 1_000;

/**
 * How many attempts at a message's step ended without an outcome, the last one so too: its function died. 1 for one that came back before any
 * attempt: it may have died as its request was built. 0 for a message that is received for the first time, for which nothing is loaded.
 * Errors: those of the table.
 */
export async function deathsOf({ ports }: Engine<'store'>, delivery: Delivery): Promise<number> {
  const message = delivery.receiveCount > 1 ? readMessage(delivery) : undefined;
  const state = message && (await loadState(ports, message));
  if (message === undefined || state === undefined) return 0;
  const lookup = lookupOf(state, message.step);
  if (lookup?.status === 'running') return lookup.attempt;
  const action = state.meta.status === 'compensating' ? 'undo' : 'do';
  const record = recordsOf(state, action).get(message.step);
  // It was held until nothing of its step could come late.
  if (action === 'undo' && record === undefined && isInDoubt(state, message.step)) return 0;
  if (record === undefined || record.epoch < state.meta.epoch) return 1;
  return record.status === 'running' ? attemptsInEpoch(state, record) : 0;
}
