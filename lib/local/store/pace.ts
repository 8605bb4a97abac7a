import * as z from 'zod';
import type { Pace, Store } from '../../engine/ports.ts';
import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';
import { PACE } from './keys.ts';

const pace = z.object({
  version: z.int(),
  nextAt: z.number(),
  windows: z.array(z.object({ group: z.string(), head: z.string(), until: z.number() })),
});

/** The item that keeps the pace at which on-call is told. Nobody sees a write of it before it is on disk. */
export function openPace(
  database: Pick<Database, 'get'>,
  commits: GroupCommit,
): Pick<Store, 'loadPace' | 'writePace'> {
  const text = database.get(PACE);
  let current: Pace | undefined = text === undefined ? undefined : pace.parse(JSON.parse(text));
  let flushed: Promise<void> = Promise.resolve();
  return {
    loadPace: async () => {
      await flushed;
      return current;
    },
    writePace: async (next, expected) => {
      if ((current?.version ?? 0) !== expected) {
        await flushed;
        return { written: false, current };
      }
      current = next;
      flushed = commits.flush([{ type: 'put', key: PACE, value: JSON.stringify(next) }]);
      await flushed;
      return { written: true };
    },
  };
}
