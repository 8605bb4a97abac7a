import { BOUNDS } from '../../../functions/compose.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import { type Chaos, randomChaos } from '../faults/chaos.ts';
import type { Rates } from '../faults/rates.ts';
import { type AwsService, NO_FAULT } from '../faults/request.ts';

/** Operations of which a part may be done. */
const BATCHES: ReadonlySet<string> = new Set(['SendMessageBatch', 'BatchGetItem']);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/**
 * The same chaos, with what strikes calls of the table and the queues one layer lower: instead of a call failing or losing
 * its reply, requests do.
 */
export function chaosOfRequests(chance: Chance, rates: Rates, now: () => number): Chaos {
  const chaos = randomChaos(chance, rates, now);
  const ofAws = randomChaos(chance, { ...rates, fail: 0, lose: 0 }, now);
  /** Failures come in runs: an attempt after one that failed often fails too. */
  const down = new Map<AwsService, number>();
  return {
    ...chaos,
    port: (call, worker) => (call === 'notify' || call === 'resolve' ? chaos : ofAws).port(call, worker),
    request: (service, operation) => {
      if (now() >= rates.stopAt) return NO_FAULT;
      const read = {
        ...(operation === 'Query' && chance.happens(0.3) ? { page: chance.whole(1, 3) } : {}),
        old: chance.happens(0.5),
      };
      if (BATCHES.has(operation) && chance.happens(0.5)) {
        return { ...NO_FAULT, kind: 'partial', choice: chance.whole(0, 1_023) };
      }
      const isDown = now() < (down.get(service) ?? 0);
      if ((isDown && chance.happens(0.8)) || chance.happens(rates.fail)) {
        if (!isDown && chance.happens(0.2)) {
          down.set(service, now() + Math.round(chance.magnitude(10, MINUTE)));
        }
        const kinds = ['refused', 'throttled', 'broken'] as const;
        const kind = chance.pick(kinds);
        return { ...NO_FAULT, ...read, kind, takes: chance.whole(1, SECOND), choice: chance.whole(0, 1_023) };
      }
      if (chance.happens(rates.lose)) {
        const kind = chance.pick(['brokenDone', 'lost', 'late'] as const);
        const takes = kind === 'late' ? BOUNDS.requestHandler.requestTimeout : chance.whole(1, SECOND);
        const there = kind === 'late' ? Math.round(chance.magnitude(1, MINUTE)) : 0;
        return { ...NO_FAULT, ...read, kind, takes, there, choice: chance.whole(0, 1_023) };
      }
      return { ...NO_FAULT, ...read };
    },
  };
}
