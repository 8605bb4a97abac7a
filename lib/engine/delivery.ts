import { LIMITS } from '../contract/limits.ts';
import { queueSuffix } from '../contract/names.ts';
import { type StepMessage, stepMessage } from '../contract/wire.ts';
import { toldOf } from './errors.ts';
import type { Delivery } from './ports.ts';
import { type Engine, idsOf } from './shell.ts';

/** What becomes of a message: deleted, or back in its queue once its visibility ends. */
export type Handled = 'acknowledge' | 'retry';

type DeliveryEngine = Engine<'queue' | 'telemetry'>;

/**
 * Reads a delivery and handles its message. Never throws: a body that cannot be read goes to the parking queue alone, and
 * whatever goes wrong outside brings the message back.
 */
export function handling(
  engine: DeliveryEngine,
  delivery: Delivery,
  handle: (message: StepMessage) => Promise<Handled>,
): Promise<Handled> {
  const message = readMessage(delivery);
  const handled = message === undefined ? park(engine, delivery) : handle(message);
  return handled.catch((error) => tryLater(engine, delivery, message, error));
}

/** The message in a delivery; undefined if it cannot be read or belongs to another queue. */
function readMessage({ body, queue }: Delivery): StepMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { success, data } = stepMessage.safeParse(json);
  const fits = success && queue.kind !== 'parking' && data.chain === queue.chain && data.step === queue.step;
  return fits ? data : undefined;
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
  engine.ports.telemetry.emit({
    event: 'unexpected_error',
    where: queueSuffix(delivery.queue),
    ...toldOf(error),
    ...(message === undefined ? {} : { ...idsOf(message), step: message.step }),
  });
  return await comeBackLater(engine, delivery);
}

/** Hides a message for 2 s, and twice as long after each further receive, up to 5 minutes. */
export const comeBackLater = (engine: Pick<DeliveryEngine, 'ports'>, delivery: Delivery): Promise<'retry'> =>
  comeBackIn(engine, delivery, 2 ** Math.min(delivery.receiveCount, 10), LIMITS.backoffCap);

/** Hides a message for so many seconds. The table has the due time: if this fails it merely comes back at another time. */
export async function comeBackIn(
  { ports }: Pick<DeliveryEngine, 'ports'>,
  delivery: Delivery,
  seconds: number,
  most: number = LIMITS.visibility,
): Promise<'retry'> {
  const whole = Math.min(Math.ceil(Math.max(0, seconds)), most);
  try {
    await ports.queue.setVisibility(delivery, whole);
  } catch {
    // It comes back when its visibility timeout ends.
  }
  return 'retry';
}
