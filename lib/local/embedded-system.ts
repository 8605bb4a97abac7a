import { uptime } from 'node:os';
import * as z from 'zod';
import { EngineError } from '../engine/errors.ts';
import type { Database } from './embedded-database.ts';

/** How the last run ended. `machineRestarted`: changes that were only handed over may be lost. */
export interface Recovery {
  /** The last run did not close the store. */
  readonly unclean: boolean;
  readonly machineRestarted: boolean;
}

const KEY = '!system';
/** Of the keys and values; another one is not read. */
const FORMAT = 1;
const systemRecord = z.object({ format: z.int(), openedAt: z.int(), clean: z.boolean() });
type SystemRecord = z.infer<typeof systemRecord>;

/** Boot time is told to a few hundredths of a second and moves when the clock is set: in doubt the machine restarted. */
const DOUBT_MS = 1_000;

/**
 * What the record of the last run means now.
 * @param machine milliseconds since 1970, and seconds since the machine booted
 */
export function recoveryOf(
  record: SystemRecord | undefined,
  machine: { readonly now: number; readonly uptime: number },
): Recovery {
  if (record === undefined || record.clean) return { unclean: false, machineRestarted: false };
  const bootedAt = machine.now - machine.uptime * 1_000;
  return { unclean: true, machineRestarted: bootedAt > record.openedAt - DOUBT_MS };
}

/** Reads how the last run ended and notes that this one began. */
export async function beginRun(database: Database): Promise<Recovery> {
  const text = database.get(KEY);
  const record = text === undefined ? undefined : systemRecord.parse(JSON.parse(text));
  if (record !== undefined && record.format !== FORMAT) {
    const message = `the data is of format ${record.format}, this version reads format ${FORMAT}: pass another directory with --data`;
    throw new EngineError('CONFIGURATION', message);
  }
  const now = Date.now();
  await note(database, { format: FORMAT, openedAt: now, clean: false });
  return recoveryOf(record, { now, uptime: uptime() });
}

/** Notes that this run closed the store. */
export const endRun = (database: Database): Promise<void> =>
  note(database, { format: FORMAT, openedAt: Date.now(), clean: true });

const note = (database: Database, record: SystemRecord): Promise<void> =>
  database.write([{ type: 'put', key: KEY, value: JSON.stringify(record) }], true);
