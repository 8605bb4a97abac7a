import { describe, expect, it } from 'vitest';
import { LOOKUP_ANSWERS } from '../../../lib/contract/names.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import { recordsOf, type StepRecord } from '../../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf } from './fixtures.ts';

/** What a workflow holds beside its steps: each kind by the field of the state in which a load shows it. */
const KINDS = [
  ['undo', 'undos'],
  ['lookup', 'lookups'],
] as const;

/** The item of an undo, and that of a lookup, beside the step's own of the same name. */
export function kindsContract(store: () => Store): void {
  describe.each(KINDS)('the %s of a step', (action, field) => {
    const meta = metaOf('one');
    const write = (record: StepRecord, expected: Parameters<Store['writeStep']>[2]) =>
      store().writeStep(meta, record, expected, meta.expiresAt);
    const claim = claimOf('payment', { action, token: `token of the ${action}` });

    it(`is shown as one of ${field}, apart from the step and from all others of its name`, async () => {
      await given(store(), meta);
      const others = [completedOf('payment', { orderId: 'o-1' })];
      for (const [other] of KINDS) if (other !== action) others.push(claimOf('payment', { action: other }));
      for (const record of [...others, claim])
        expect(await write(record, ABSENT)).toStrictEqual({ written: true });
      const state = await loaded(store(), meta);
      expect(state[field]).toStrictEqual(new Map([['payment', claim]]));
      for (const record of others)
        expect(recordsOf(state, record.action ?? 'do')).toStrictEqual(new Map([['payment', record]]));
    });

    it(`leaves ${field} out of a workflow that has none`, async () => {
      await given(store(), meta);
      await write(completedOf('payment', 1), ABSENT);
      expect(await loaded(store(), meta)).not.toHaveProperty(field);
    });

    it('is claimed once, and shown to whoever comes second', async () => {
      await given(store(), meta);
      await write(claimOf('payment'), ABSENT);
      const claims = Array.from({ length: 20 }, (_, n) => ({ ...claim, token: `token ${n}` }));
      const written = await Promise.all(claims.map((one) => write(one, ABSENT)));
      const winners = claims.filter((_, n) => written[n]?.written);
      expect(winners).toHaveLength(1);
      for (const loser of written.filter((one) => !one.written))
        expect(loser).toStrictEqual({ written: false, current: winners[0] });
    });

    it('is written over its own status and token, never those of the step', async () => {
      await given(store(), meta);
      const step = claimOf('payment');
      await write(step, ABSENT);
      await write(claim, ABSENT);
      const done: StepRecord = { ...completedOf('payment', null), action };
      const stale = { written: false, current: claim };
      expect(await write(done, { status: 'running', token: step.token })).toStrictEqual(stale);
      expect(await write(done, { status: 'running', token: claim.token })).toStrictEqual({ written: true });
      const state = await loaded(store(), meta);
      expect(state[field]?.get('payment')).toStrictEqual(done);
      expect(state.steps.get('payment')).toStrictEqual(step);
    });

    it('is not there where only its step is: the condition that finds it fails', async () => {
      await given(store(), meta);
      const step = claimOf('payment');
      await write(step, ABSENT);
      const written = await write(claim, { status: 'running', token: step.token });
      expect(written).toStrictEqual({ written: false, current: undefined });
    });

    it('is no workflow without META', async () => {
      await write(claim, ABSENT);
      expect(await store().load(meta)).toBeUndefined();
    });
  });

  describe('the answer of a lookup', () => {
    const meta = metaOf('one');

    it.each(LOOKUP_ANSWERS)('is kept with what was asked: %s', async (answer) => {
      await given(store(), meta);
      const result = answer === 'done' ? { id: 'ch_1' } : null;
      const asked: StepRecord = { ...completedOf('payment', result), action: 'lookup', answer, round: 3 };
      for (const record of [asked, { ...asked, step: 'shipment', before: 'undo' as const, sealed: 'c2Vh' }])
        await store().writeStep(meta, record, ABSENT, meta.expiresAt);
      const { lookups } = await loaded(store(), meta);
      expect(lookups?.get('payment')).toStrictEqual(asked);
      expect(lookups?.get('shipment')).toStrictEqual({
        ...asked,
        step: 'shipment',
        before: 'undo',
        sealed: 'c2Vh',
      });
    });
  });
}
