import * as z from 'zod';
import { openLedgerFile } from '../../lib/local/demo/ledger.ts';
import type { LedgerEntry } from './compare.ts';

const fields = z.record(z.string(), z.unknown());

/** What all targets did, in the order in which they did it. Errors: a line that cannot be read. */
export function readLedger(file: string): readonly LedgerEntry[] {
  return openLedgerFile(file).lines.flatMap((line) => {
    if ('cleared' in line) throw new Error(`${file}: the ledger of ${line.target} was cleared`);
    if ('refused' in line) return [];
    const { target, key, body, reply, undoes } = line;
    return {
      target,
      key: key ?? '(no key)',
      body: fields.parse(body ?? {}),
      reply: fields.parse(JSON.parse(reply.body)),
      ...(undoes === undefined ? {} : { undoes }),
    };
  });
}
