import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../../lib/engine/ports.ts';
import { dueContract } from './due.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf } from './fixtures.ts';
import { kindsContract } from './kinds.ts';
import { listContract } from './list.ts';
import { metaContract } from './meta.ts';
import { paceContract } from './pace.ts';
import { stepContract } from './step.ts';
import { valuesContract } from './values.ts';

/** A store under test; each test gets a new, empty one. */
export type MakeStore = () => Promise<{ readonly store: Store; close(): Promise<void> }>;

/**
 * The one behaviour that every implementation of `Store` has.
 * @example storeContract('embedded store in memory', async () => ({ store: createMemoryStore(), close: async () => {} }));
 */
export function storeContract(name: string, make: MakeStore): void {
  describe(`${name} as a Store`, () => {
    let made: Awaited<ReturnType<MakeStore>>;
    const store = () => made.store;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(async () => {
      await made.close();
    });
    createContract(store);
    loadContract(store);
    metaContract(store);
    stepContract(store);
    kindsContract(store);
    valuesContract(store);
    listContract(store);
    dueContract(store);
    paceContract(store);
  });
}

function createContract(store: () => Store): void {
  describe('create', () => {
    it('saves a workflow whole', async () => {
      const meta = metaOf('one', { fingerprint: { open: 'aa', sealed: { key: 'bb', mac: 'cc' } } });
      expect(await store().create(meta)).toStrictEqual({ written: true });
      expect((await loaded(store(), meta)).meta).toStrictEqual(meta);
    });

    it('refuses a second workflow of the same id, shows the first and leaves it as it is', async () => {
      const first = metaOf('one');
      const second = metaOf('one', { nonce: 'another', input: { amount: 99 } });
      await given(store(), first);
      expect(await store().create(second)).toStrictEqual({ written: false, current: first });
      expect((await loaded(store(), first)).meta).toStrictEqual(first);
    });

    it('lets exactly one of twenty concurrent starts of the same id win, and shows it to the others', async () => {
      const metas = Array.from({ length: 20 }, (_, n) => metaOf('one', { nonce: `nonce ${n}` }));
      const written = await Promise.all(metas.map((meta) => store().create(meta)));
      const winners = metas.filter((_, n) => written[n]?.written);
      expect(winners).toHaveLength(1);
      const losers = written.filter((one) => !one.written);
      for (const loser of losers) expect(loser).toStrictEqual({ written: false, current: winners[0] });
    });

    it('keeps workflows of the same id under different tenants apart', async () => {
      const tenants = ['acme', 'acme#', 'acme#META', 'a/b', 'Ünï 日本'];
      const metas = tenants.map((tenant) => metaOf('one', { tenant, nonce: tenant }));
      await given(store(), ...metas);
      for (const meta of metas) {
        const step = completedOf('payment', meta.tenant);
        expect(await store().writeStep(meta, step, ABSENT, meta.expiresAt)).toStrictEqual({ written: true });
      }
      for (const meta of metas) {
        const state = await loaded(store(), meta);
        expect(state.meta).toStrictEqual(meta);
        expect([...state.steps.values()].map(({ result }) => result)).toStrictEqual([meta.tenant]);
      }
    });
  });
}

function loadContract(store: () => Store): void {
  describe('load', () => {
    it('knows no workflow that was never created', async () => {
      expect(await store().load(metaOf('nobody'))).toBeUndefined();
    });

    it("knows no workflow under another tenant's name", async () => {
      const meta = metaOf('one');
      await given(store(), meta);
      expect(await store().load({ tenant: 'other', workflowId: meta.workflowId })).toBeUndefined();
    });

    it('knows no workflow of which only a step is there', async () => {
      const meta = metaOf('one');
      await store().writeStep(meta, claimOf('payment'), ABSENT, meta.expiresAt);
      expect(await store().load(meta)).toBeUndefined();
    });

    it('returns META and every step by name, and no step of another workflow', async () => {
      const meta = metaOf('one');
      const other = metaOf('two');
      await given(store(), meta, other);
      const steps = [completedOf('payment', { orderId: 'o-1' }), claimOf('shipment')];
      for (const step of steps) await store().writeStep(meta, step, ABSENT, meta.expiresAt);
      await store().writeStep(other, claimOf('confirmation'), ABSENT, other.expiresAt);
      const state = await loaded(store(), meta);
      expect(state.meta).toStrictEqual(meta);
      expect(state.steps).toStrictEqual(new Map(steps.map((step) => [step.step, step])));
    });

    it('returns all of a workflow whose results take several pages of 1 MB', async () => {
      const meta = metaOf('one');
      await given(store(), meta);
      const steps = Array.from({ length: 9 }, (_, n) => completedOf(`step-${n}`, `${n}`.repeat(250_000)));
      await Promise.all(steps.map((step) => store().writeStep(meta, step, ABSENT, meta.expiresAt)));
      const state = await loaded(store(), meta);
      expect(state.steps.size).toBe(9);
      for (const step of steps) expect(state.steps.get(step.step)).toStrictEqual(step);
    });

    it('shows every write that was acknowledged before it began', async () => {
      const meta = metaOf('one');
      await given(store(), meta);
      let token = '';
      for (let n = 1; n <= 20; n += 1) {
        const record = claimOf('payment', { token: `token ${n}`, attempt: n });
        const expected = n === 1 ? ABSENT : { status: 'running' as const, token };
        expect(await store().writeStep(meta, record, expected, meta.expiresAt)).toStrictEqual({
          written: true,
        });
        token = record.token;
        expect((await loaded(store(), meta)).steps.get('payment')?.attempt).toBe(n);
      }
    });

    it('returns a workflow that has expired as long as it is there', async () => {
      const meta = metaOf('one', { createdAt: 1_000, expiresAt: 2_000 });
      await given(store(), meta);
      await store().writeStep(meta, claimOf('payment'), ABSENT, meta.expiresAt);
      const state = await loaded(store(), meta);
      expect(state.meta).toStrictEqual(meta);
      expect(state.steps.size).toBe(1);
    });
  });
}
