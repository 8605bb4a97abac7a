import { nextOf } from '../contract/advice.ts';
import { LOG_LEVELS, type LogLevel } from '../contract/names.ts';
import { triesOf, undoneOf } from '../contract/told.ts';
import { type EngineEvent, EVENT_LEVELS } from '../engine/events.ts';
import type { FailureExample, Notification, Notifier, Telemetry } from '../engine/ports.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for a person instead of JSON. */
  readonly readable: boolean;
  readonly now: () => number;
  readonly write: (line: string) => void;
}

/** One line for each event that is loud enough. */
export function logTelemetry({ level, readable, now, write }: LogOptions): Telemetry {
  const least = LOG_LEVELS.indexOf(level);
  return {
    emit(event) {
      const loud = EVENT_LEVELS[event.event];
      if (LOG_LEVELS.indexOf(loud) < least) return;
      const timestamp = new Date(now()).toISOString();
      const { event: name, ...fields } = event;
      // The name stands first, where it is looked for.
      const line = { timestamp, level: loud, event: name, ...fields };
      write(readable ? forPerson(timestamp, loud, event) : JSON.stringify(line));
    },
  };
}

/** `16:50:04.123 info  step_completed order-processing/payment wf_… attempt=1 durationMs=12` */
function forPerson(time: string, level: string, event: EngineEvent): string {
  const { event: name, ...rest } = event;
  const fields: Record<string, unknown> = { ...rest };
  const place = [fields.chain, fields.step].filter((part) => part !== undefined).join('/');
  const id = fields.workflowId ?? '';
  for (const shown of ['chain', 'step', 'workflowId', 'tenant']) delete fields[shown];
  const others = Object.entries(fields).map(([field, value]) => shown(field, value));
  const parts = [time.slice(11, 23), level.padEnd(5), name, place, id, ...others];
  return oneLine(parts.filter((part) => part !== '').join(' '));
}

/** `durationMs=12`; a moment as its time, and an error as its own names and values: `error.code=REFUSED error.httpStatus=402`. */
function shown(field: string, value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, inner]) => shown(`${field}.${name}`, inner))
      .join(' ');
  }
  const isMoment = typeof value === 'number' && field.endsWith('At');
  return `${field}=${isMoment ? new Date(value).toISOString() : value}`;
}

/** What a target answers ends up here: it must neither break lines nor steer the terminal. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');

/** On one machine the person on call reads the log: told as loud as it gets, whatever the level. */
export function logNotifier({ readable, now, write }: Omit<LogOptions, 'level'>): Notifier {
  return {
    async notify(digest) {
      if (!readable) {
        const timestamp = new Date(now()).toISOString();
        write(JSON.stringify({ timestamp, level: 'error', event: 'on_call_told', ...digest }));
        return;
      }
      for (const line of digestLines(digest)) write(oneLine(line));
    },
  };
}

/** One failure in one line; several as a line that counts them, and one for each example. */
function digestLines({ id, kind, chain, step, code, count, examples }: Notification): readonly string[] {
  const told = examples.map((example) =>
    kind === 'failed'
      ? `${chain} ${example.workflowId} failed at step ${step}${causeOf(example)}`
      : `${chain} ${example.workflowId} could not be taken back: ${undosOf(example)}`,
  );
  if (count === 1) return told.map((line) => `on-call: ${line} (notification ${id})`);
  return [
    `on-call: ${count} workflows of ${chain} failed at step ${step} with ${code} (notification ${id})`,
    ...told.map((line) => `on-call:   for example ${line}`),
  ];
}

const causeOf = ({ error, takenBack }: FailureExample): string =>
  ` after ${error.attempts} attempt(s): ${error.code}: ${error.message}. ${nextOf(error, takenBack ? 'takenBack' : 'failed')}`;

/** What was undone, what was not and why, and what to do. */
function undosOf({ error, undos = [] }: FailureExample): string {
  const { undone, left, inDoubt } = undoneOf(error.step, undos);
  const parts = [
    `${undone.join(', ') || 'nothing'} undone`,
    `${error.step} not, ${triesOf(error)}: ${error.code}: ${error.message}`,
    ...(left.length === 0 ? [] : [`still to undo: ${left.join(', ')}`]),
    ...(inDoubt.length === 0 ? [] : [`in doubt: ${inDoubt.join(', ')}`]),
  ];
  return `${parts.join('; ')}. ${nextOf(error, 'undo')}`;
}
