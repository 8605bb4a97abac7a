import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import type { DemoTargets } from '../../lib/local/demo/targets.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import { buildServer } from '../support/build.ts';
import { type Ended, KILLS, killedWhileOrdersRun, ORDERS } from './crashes.ts';
import { ORDER, ORDER_STEPS } from './fixture-chains.ts';
import { givenBack, NOBODY } from './given-back-chains.ts';

const ENTRY = join(import.meta.dirname, '../../dist/test/given-back.js');

const amount = z.object({ amount: z.number() });

/** The keys of all effects of a target, sorted; each must have happened once. */
function keysAt(demo: DemoTargets, target: string): readonly (string | null)[] {
  const { effects } = demo.ledger(target);
  expect(
    effects.filter(({ times }) => times !== 1),
    target,
  ).toEqual([]);
  return effects.map(({ key }) => key).sort();
}

it(`killed ${KILLS} times while ${ORDERS} orders run, the server ends every order, each effect once`, async () => {
  const run = { path: SAMPLE.path, input: () => SAMPLE.body, underWay: ['processing'] } as const;
  await killedWhileOrdersRun(run, (orders, demo) => {
    expect(orders.filter(({ status }) => status !== 'completed')).toEqual([]);
    for (const [step, target] of ORDER_STEPS) {
      const once = orders.map(({ workflowId }) => `${workflowId}:${step}:do:0`);
      expect(keysAt(demo, target), target).toEqual(once.sort());
    }
  });
}, 180_000);

it(`killed ${KILLS} times while a third of ${ORDERS} orders is given back, the server leaves the books balanced`, async () => {
  buildServer('test/e2e/given-back-chains.ts', ENTRY);
  const isRefused = (number: number): boolean => number % 3 === 0;
  /** No two orders are of one amount, so that no mistake is made good by another. */
  const cents = (number: number): number => 1_001 + 37 * number;
  const run = {
    entry: ENTRY,
    path: givenBack.start,
    input: (number: number) => ({
      ...ORDER,
      amount: cents(number) / 100,
      ...(isRefused(number) ? { email: NOBODY.email } : {}),
    }),
    faults: { mail: [{ status: 422, latencyMs: 40, match: NOBODY.path }] },
    underWay: ['processing', 'compensating'],
  } as const;
  await killedWhileOrdersRun(run, (orders, demo) => {
    const endsAs = (number: number) => (isRefused(number) ? 'compensated' : 'completed');
    expect(orders.filter(({ number, status }) => status !== endsAs(number))).toEqual([]);
    const entries = orders.flatMap(({ timeline = [] }) => timeline);
    const struck = entries.filter(({ action, outcome }) => action === 'undo' && outcome === 'interrupted');
    expect(struck.length, 'undos that a kill has met').toBeGreaterThan(0);
    const refused = orders.filter(({ number }) => isRefused(number));
    const keys = (of: readonly Ended[], step: string) => of.map(({ workflowId }) => `${workflowId}:${step}`);
    for (const [target, step] of [
      ['payments', 'payment'],
      ['shipping', 'shipment'],
    ] as const) {
      const wanted = [...keys(orders, `${step}:do:0`), ...keys(refused, `${step}:undo:0`)];
      expect(keysAt(demo, target), target).toEqual(wanted.sort());
      const undone = demo.ledger(target).effects.flatMap(({ undoes }) => undoes ?? []);
      expect(undone.sort(), target).toEqual(keys(refused, `${step}:do:0`).sort());
    }
    const kept = orders.filter(({ number }) => !isRefused(number));
    expect(keysAt(demo, 'mail')).toEqual(keys(kept, 'confirmation:do:0').sort());
    const sum = (path: string): number => sumAt(demo, path);
    expect(sum('/charges')).toBe(orders.reduce((all, { number }) => all + cents(number), 0));
    expect(sum('/charges') - sum('/refunds')).toBe(kept.reduce((all, { number }) => all + cents(number), 0));
  });
}, 180_000);

/** What all calls of a path moved, in cents, by the bodies that the ledger keeps. */
const sumAt = (demo: DemoTargets, path: string): number =>
  demo
    .ledger('payments')
    .effects.filter((effect) => effect.path === path)
    .reduce((all, { body }) => all + Math.round(amount.parse(body).amount * 100), 0);
