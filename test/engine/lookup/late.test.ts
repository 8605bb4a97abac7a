import { describe, expect, it } from 'vitest';
import { deathsOf } from '../../../lib/engine/delivery.ts';
import { latest, nextLook, waitingOf } from '../../../lib/engine/lateness/lateness.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { settle } from '../../support/manual-clock.ts';
import { NOW, resumed } from '../fixtures.ts';
import { openWorld, timedOut } from '../world.ts';
import { askedChain } from './fixtures.ts';
import { all, askedState, asking, DOUBT, forEachLookup, LOOKUPS } from './tables.ts';

const CHAIN = asking();
const MINUTE = 60_000;
const meta = resumed({ updatedAt: NOW - MINUTE });

describe('a step whose target is asked', () => {
  const boundOf = (step: StepRecord, lookup: StepRecord | undefined, chain = CHAIN): number =>
    latest(waitingOf(chain, askedState(meta, 'a', { b: step }, ['b', lookup])), NOW)?.of.boundMs ?? 0;
  const without = { ...CHAIN, steps: CHAIN.steps.map(({ lookup: _, ...step }) => step) };
  // A late effect, 30 s after a call of 30 s; two calls of 45 s with their functions, and a wait of 8 s.
  const asked = 30_000 + 60_000 + 2 * 45_000 + 8_000;

  it('may take longer by what asking takes at the most', () => {
    const own = boundOf(DOUBT, undefined, without);
    expect(boundOf(DOUBT, undefined)).toBe(own + asked);
    expect(boundOf({ ...DOUBT, open: 0 }, undefined)).toBe(own);
  });

  it('may take longer by what its target asks for, too', () => {
    const hour = 60 * MINUTE;
    const told = { ...LOOKUPS['retrying, not due'], updatedAt: NOW, nextAttemptAt: NOW + hour };
    const bound = boundOf(DOUBT, told);
    expect(bound - boundOf(DOUBT, undefined)).toBeGreaterThan(hour / 2);
  });

  it('is looked at again once the lookup should have ended', () => {
    const looks = (lookup: StepRecord | undefined): string =>
      String(nextLook(CHAIN, askedState(meta, 'a', { b: DOUBT }, ['b', lookup]), NOW) - NOW);
    const healthy = Number(looks(undefined));
    expect(healthy).toBeGreaterThan(0);
    expect(forEachLookup(looks)).toEqual(
      all(String(healthy), {
        'running, lease live': String(healthy + 1),
        'running, lease live, last attempt': String(healthy + 20_000),
        'retrying, not due': String(healthy + 1),
      }),
    );
  });
});

describe('how often the function of a message has died', () => {
  it('counts the attempts of the lookup that it was asking', async () => {
    const world = await openWorld(askedChain());
    const key = await world.begin();
    const [message] = world.visible('a');
    world.answers('a', timedOut);
    world.answers('asked-a', new Promise(() => undefined), new Promise(() => undefined));
    const deaths = async (): Promise<number> => {
      await world.queueAgain(message);
      const delivery = { ...world.receive('a'), receiveCount: 2 };
      world.queues.acknowledge(delivery.queue, delivery.receiptHandle);
      return await deathsOf(world.engine, delivery);
    };
    expect(await deaths()).toBe(1);
    void world.work('a');
    await settle();
    expect(await deaths()).toBe(1);
    await world.clock.advance(2 * MINUTE);
    await world.queueAgain(message);
    void world.work('a');
    await settle();
    expect(await deaths()).toBe(2);
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
  });
});
