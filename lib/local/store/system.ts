import * as z from 'zod';
import { EngineError } from '../../engine/errors.ts';
import type { Database } from './database.ts';

/** How the last run ended. */
export interface Recovery {
  /** It was killed: claims that were in memory alone are lost. Said to every run until one has noted that it recovered. */
  readonly claimsLost: boolean;
}

const KEY = '!system';
/** Of the keys and values; another one is not read. */
const FORMAT = 1;
const anyRecord = z.object({ format: z.int() });
const systemRecord = z.object({
  format: z.int(),
  /** No run is using the store, and the last one closed it. */
  clean: z.boolean(),
  /** A run was killed, and none since has come as far as `noteRecovered`. */
  claimsLost: z.boolean(),
});

/**
 * Reads how the last run ended and notes that this one began. Where writes were lost, claims may be among them.
 * Errors: `CONFIGURATION` for data of another format.
 */
export async function beginRun(database: Database, writesLost = false): Promise<Recovery> {
  const text = database.get(KEY);
  const last = text === undefined ? { clean: true, claimsLost: false } : readRecord(text);
  const claimsLost = last.claimsLost || !last.clean || writesLost;
  await note(database, { clean: false, claimsLost });
  return { claimsLost };
}

function readRecord(text: string): z.infer<typeof systemRecord> {
  const json: unknown = JSON.parse(text);
  const { format } = anyRecord.parse(json);
  if (format === FORMAT) return systemRecord.parse(json);
  const message = `the data is of format ${format}, this version reads format ${FORMAT}: pass another directory with --data`;
  throw new EngineError('CONFIGURATION', message);
}

/** Notes that the claims which were lost are accounted for. */
export const noteRecovered = (database: Database): Promise<void> =>
  note(database, { clean: false, claimsLost: false });

/** Notes that this run closed the store; `claimsLost` where it never came as far as `noteRecovered`. */
export const endRun = (database: Database, claimsLost: boolean): Promise<void> =>
  note(database, { clean: true, claimsLost });

const note = (
  database: Database,
  run: { readonly clean: boolean; readonly claimsLost: boolean },
): Promise<void> =>
  database.write([{ type: 'put', key: KEY, value: JSON.stringify({ format: FORMAT, ...run }) }]);
