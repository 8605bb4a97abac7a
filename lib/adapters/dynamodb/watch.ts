import { LIMITS } from '../../contract/limits.ts';
import { KEYS, waitKeys } from '../../contract/table.ts';
import type { Clock, Random, Watch, Watching } from '../../engine/ports.ts';
import { type DynamoDbOptions, dynamoDbTable, type Expression, equals, type Table } from './table.ts';

export interface PollingWatchOptions extends DynamoDbOptions {
  /** How many reads of the stage may wait at once. */
  readonly places: number;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Reads that wait look at the table after growing gaps. A function cannot know how many others wait, so each place is an item of the
 * table with a lease: whoever takes one writes it under the condition that it is free. Which one is tried is left to chance, so that no
 * item is fought for. A place whose function died is free again when its lease is over.
 * @example createPollingWatch({ client: new DynamoDBClient({}), tableName: 'stepline-dev', places: 100, clock, random })
 */
export function createPollingWatch({ places, clock, random, ...options }: PollingWatchOptions): Watch {
  const table = dynamoDbTable(options);
  return {
    open: async (_key, ms) => {
      if (places === 0) return undefined;
      for (let tries = 0; tries < LIMITS.waitTries; tries += 1) {
        const keys = waitKeys(Math.floor(random.fraction() * places));
        const item = { ...keys, token: random.token(), until: clock.now() + ms + LIMITS.waitMargin * 1_000 };
        if (await isTaken(table, item, clock.now())) return watching(table, item, clock);
      }
      return undefined;
    },
  };
}

type Place = ReturnType<typeof waitKeys> & { readonly token: string; readonly until: number };

async function isTaken(table: Table, item: Place, now: number): Promise<boolean> {
  const written = await table.put(item, free(now));
  // A put that the SDK repeated may find its own item.
  return written.written || tokenOf(written.current) === item.token;
}

const tokenOf = (item: unknown): unknown =>
  typeof item === 'object' && item !== null && 'token' in item ? item.token : undefined;

const free = (now: number): Expression => ({
  text: 'attribute_not_exists(#pk) OR #until < :now',
  names: { '#pk': KEYS.partition, '#until': 'until' },
  values: { ':now': now },
});

function watching(table: Table, item: Place, clock: Clock): Watching {
  let gap: number = LIMITS.waitGapMs;
  return {
    next: async (ms) => {
      const pause = Math.min(ms, gap);
      gap = Math.min(2 * gap, LIMITS.waitGapMostMs);
      await new Promise<void>((resolve) => clock.after(pause, resolve));
      return true;
    },
    close: async () => {
      // A place that is not given back is free again when its lease is over.
      await table.put({ ...item, until: 0 }, equals({ token: item.token })).catch(() => undefined);
    },
  };
}
