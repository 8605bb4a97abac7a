import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPollingWatch } from '../../../lib/adapters/dynamodb/watch.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { Random, Watch, Watching } from '../../../lib/engine/ports.ts';
import { metaOf } from '../../ports/store/fixtures.ts';
import { type Dynalite, startDynalite } from '../../support/dynalite.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

let database: Dynalite;
beforeAll(async () => {
  database = await startDynalite();
});
afterAll(() => database.close());

let clock: ManualClock;
let tableName: string;
beforeEach(async () => {
  clock = manualClock();
  tableName = await database.createTable();
});

const KEY = metaOf('one');

/** Tries the places in turn: whichever is free is found. */
function inTurn(places: number): Random {
  let drawn = 0;
  return {
    fraction: () => (drawn++ % places) / places,
    token: () => `token-${drawn}-${Math.random()}`,
  };
}
const watchOf = (places: number, random = inTurn(places)): Watch =>
  createPollingWatch({ client: database.client, tableName, places, clock, random });

async function taken(watch: Watch, ms = 20_000): Promise<Watching> {
  const place = await watch.open(KEY, ms);
  if (place === undefined) throw new Error('there was no place');
  return place;
}

describe('the places of a stage', () => {
  it('are as many as it says, for all functions together', async () => {
    await taken(watchOf(3));
    await taken(watchOf(3));
    await taken(watchOf(3));
    expect(await watchOf(3).open(KEY, 20_000)).toBeUndefined();
  });

  it('may be none, for which the table is not asked', async () => {
    const none = createPollingWatch({
      client: database.client,
      tableName: 'there-is-none',
      places: 0,
      clock,
      random: inTurn(1),
    });
    expect(await none.open(KEY, 20_000)).toBeUndefined();
  });

  it('are given back', async () => {
    const watch = watchOf(1);
    await (await taken(watch)).close();
    await taken(watch);
  });

  it('are free again after the lease of a function that died', async () => {
    const watch = watchOf(1);
    await taken(watch, 20_000);
    await clock.advance(20_000 + LIMITS.waitMargin * 1_000);
    expect(await watch.open(KEY, 20_000)).toBeUndefined();
    await clock.advance(1);
    await taken(watch);
  });

  it('are not given back by whoever had them before', async () => {
    const watch = watchOf(1);
    const dead = await taken(watch, 1_000);
    await clock.advance(1_000 + LIMITS.waitMargin * 1_000 + 1);
    await taken(watch);
    await dead.close();
    expect(await watch.open(KEY, 1_000)).toBeUndefined();
  });

  it('are tried a few times by chance, and then given up', async () => {
    const asked: number[] = [];
    const first: Random = {
      fraction: () => {
        asked.push(0);
        return 0;
      },
      token: () => 'token-of-another',
    };
    await taken(watchOf(50));
    expect(await watchOf(50, first).open(KEY, 1_000)).toBeUndefined();
    expect(asked).toHaveLength(LIMITS.waitTries);
  });

  it('count a put that the SDK repeated as what it was', async () => {
    const random: Random = { fraction: () => 0, token: () => 'mine' };
    await taken(watchOf(1, random));
    // The repeated put finds its own item.
    await taken(watchOf(1, random));
  });

  it('fail as the table does', async () => {
    const broken = createPollingWatch({
      client: database.client,
      tableName: 'there-is-none',
      places: 1,
      clock,
      random: inTurn(1),
    });
    await expect(broken.open(KEY, 1_000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('a wait on AWS', () => {
  /** When it looks, in milliseconds from its beginning. */
  async function looks(ms: number): Promise<readonly number[]> {
    const place = await taken(watchOf(1), ms);
    const began = clock.now();
    const at: number[] = [];
    while (clock.now() < began + ms) {
      const next = place.next(began + ms - clock.now());
      const before = clock.now();
      while (clock.waiting > 0) await clock.advance(50);
      await next;
      expect(clock.now()).toBeGreaterThan(before);
      at.push(clock.now() - began);
    }
    await place.close();
    return at;
  }

  it('looks soon at first, then every two seconds, and at its end', async () => {
    expect(await looks(20_000)).toEqual([
      ...[250, 750, 1_750, 3_750, 5_750, 7_750, 9_750],
      ...[11_750, 13_750, 15_750, 17_750, 19_750, 20_000],
    ]);
    expect(await looks(1_000)).toEqual([250, 750, 1_000]);
  });
});
