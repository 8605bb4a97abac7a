import { uptime } from 'node:os';
import * as z from 'zod';
import { EngineError } from '../engine/errors.ts';
import type { Database } from './embedded-database.ts';

/** How the last run ended. */
export interface Recovery {
  /** The last run did not close the store. */
  readonly unclean: boolean;
  /** Changes that were only handed over may be lost. It is said to every run until one has noted that it recovered. */
  readonly machineRestarted: boolean;
}

const KEY = '!system';
/** Of the keys and values; another one is not read. */
const FORMAT = 1;
const anyRecord = z.object({ format: z.int() });
const systemRecord = z.object({
  format: z.int(),
  openedAt: z.int(),
  clean: z.boolean(),
  /** The machine restarted, and no run since has come as far as `noteRecovered`. */
  claimsLost: z.boolean().optional(),
});
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
  if (record === undefined) return { unclean: false, machineRestarted: false };
  const { openedAt, clean, claimsLost = false } = record;
  const bootedAt = machine.now - machine.uptime * 1_000;
  return { unclean: !clean, machineRestarted: claimsLost || (!clean && bootedAt > openedAt - DOUBT_MS) };
}

/** Reads how the last run ended and notes that this one began. */
export async function beginRun(database: Database): Promise<Recovery> {
  const text = database.get(KEY);
  const record = text === undefined ? undefined : readRecord(text);
  const recovery = recoveryOf(record, { now: Date.now(), uptime: uptime() });
  await note(database, { clean: false, claimsLost: recovery.machineRestarted });
  return recovery;
}

function readRecord(text: string): SystemRecord {
  const json: unknown = JSON.parse(text);
  const { format } = anyRecord.parse(json);
  if (format === FORMAT) return systemRecord.parse(json);
  const message = `the data is of format ${format}, this version reads format ${FORMAT}: pass another directory with --data`;
  throw new EngineError('CONFIGURATION', message);
}

/** Notes that the claims which a restart of the machine may have lost are accounted for. */
export const noteRecovered = (database: Database): Promise<void> =>
  note(database, { clean: false, claimsLost: false });

/** Notes that this run closed the store; `claimsLost` where it never came as far as `noteRecovered`. */
export const endRun = (database: Database, claimsLost: boolean): Promise<void> =>
  note(database, { clean: true, claimsLost });

function note(database: Database, run: Pick<SystemRecord, 'clean' | 'claimsLost'>): Promise<void> {
  const record: SystemRecord = { format: FORMAT, openedAt: Date.now(), ...run };
  return database.write([{ type: 'put', key: KEY, value: JSON.stringify(record) }], true);
}
