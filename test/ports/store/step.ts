import { describe, expect, it } from 'vitest';
import type { Store } from '../../../lib/engine/ports.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf, START, stepOf } from './fixtures.ts';

const failedOf = (record: StepRecord): StepRecord => ({
  ...record,
  status: 'failed',
  nextAttemptAt: START + 7_000,
  error: {
    code: 'REFUSED',
    message: 'card „••••“ declined',
    target: 'payments',
    httpStatus: 402,
    effect: 'none',
  },
  attempts: [
    ...record.attempts,
    {
      epoch: 0,
      attempt: 2,
      round: 0,
      outcome: 'failed',
      startedAt: START + 900,
      endedAt: START + 901,
      error: { code: 'DEADLINE_EXCEEDED', message: '', effect: 'unknown' },
    },
  ],
});

/** Conditional writes of a step's item. */
export function stepContract(store: () => Store): void {
  describe('writeStep', () => {
    const meta = metaOf('one');
    const write = (record: StepRecord, expected: Parameters<Store['writeStep']>[2]) =>
      store().writeStep(meta, record, expected, meta.expiresAt);

    it('claims a step that has no item', async () => {
      await given(store(), meta);
      const claim = claimOf('payment');
      expect(await write(claim, ABSENT)).toStrictEqual({ written: true });
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(claim);
    });

    it('refuses a second claim of the same step, and shows the first', async () => {
      await given(store(), meta);
      const first = claimOf('payment');
      await write(first, ABSENT);
      const second = await write(claimOf('payment', { token: 'another' }), ABSENT);
      expect(second).toStrictEqual({ written: false, current: first });
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(first);
    });

    it('writes over the status and token that were expected', async () => {
      await given(store(), meta);
      const claim = claimOf('payment');
      await write(claim, ABSENT);
      const done = completedOf('payment', { orderId: 'o-1' });
      expect(await write(done, { status: 'running', token: claim.token })).toStrictEqual({ written: true });
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(done);
    });

    it('keeps the sealed fields of a result beside the others', async () => {
      await given(store(), meta);
      const done = { ...completedOf('payment', { orderId: 'o-1' }), sealed: 'c2VhbGVk' };
      await write(done, ABSENT);
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(done);
    });

    it.each([
      ['another status', { status: 'retrying', token: claimOf('payment').token }],
      ['another token', { status: 'running', token: 'another' }],
      ['an empty token', { status: 'running', token: '' }],
      ['another status and token', { status: 'failed', token: 'another' }],
    ] as const)('writes nothing where %s was expected, and shows the item as it is', async (_, expected) => {
      await given(store(), meta);
      const claim = claimOf('payment');
      const sibling = completedOf('shipment', 1);
      await write(claim, ABSENT);
      await write(sibling, ABSENT);
      expect(await write(completedOf('payment', 'stale'), expected)).toStrictEqual({
        written: false,
        current: claim,
      });
      const state = await loaded(store(), meta);
      expect(state.meta).toStrictEqual(meta);
      expect(state.steps).toStrictEqual(
        new Map([
          ['payment', claim],
          ['shipment', sibling],
        ]),
      );
    });

    it('creates nothing where an item was expected and there is none', async () => {
      await given(store(), meta);
      const written = await write(claimOf('payment'), { status: 'running', token: 'mine' });
      expect(written).toStrictEqual({ written: false, current: undefined });
      expect((await loaded(store(), meta)).steps.size).toBe(0);
    });

    it('shows what is there now, even where it carries the token of the one who asks', async () => {
      await given(store(), meta);
      const claim = claimOf('payment');
      const done = completedOf('payment', 'mine');
      await write(claim, ABSENT);
      await write(done, { status: 'running', token: claim.token });
      const repeated = await write(done, { status: 'running', token: claim.token });
      expect(repeated).toStrictEqual({ written: false, current: done });
    });

    it('really removes what the new item does not have', async () => {
      await given(store(), meta);
      const failed = failedOf(claimOf('payment', { completedAt: START + 1, result: { old: true } }));
      await write(failed, ABSENT);
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(failed);
      const { leaseUntil: _, startedAt: __, ...bare } = claimOf('payment', { token: 'next', attempts: [] });
      expect(await write(bare, { status: 'failed', token: failed.token })).toStrictEqual({ written: true });
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(bare);
    });

    it('lets exactly one of twenty concurrent claims win, and shows it to the others', async () => {
      await given(store(), meta);
      const claims = Array.from({ length: 20 }, (_, n) => claimOf('payment', { token: `token ${n}` }));
      const written = await Promise.all(claims.map((claim) => write(claim, ABSENT)));
      const winners = claims.filter((_, n) => written[n]?.written);
      expect(winners).toHaveLength(1);
      for (const loser of written.filter((one) => !one.written)) {
        expect(loser).toStrictEqual({ written: false, current: winners[0] });
      }
    });

    it('lets exactly one of twenty concurrent claims of a due retry win', async () => {
      await given(store(), meta);
      const retrying = claimOf('payment', { status: 'retrying', token: 'first' });
      await write(retrying, ABSENT);
      const claims = Array.from({ length: 20 }, (_, n) =>
        claimOf('payment', { token: `token ${n}`, attempt: 2 }),
      );
      const written = await Promise.all(
        claims.map((claim) => write(claim, { status: 'retrying', token: 'first' })),
      );
      const winners = claims.filter((_, n) => written[n]?.written);
      expect(winners).toHaveLength(1);
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(winners[0]);
    });

    it('lets concurrent writes of different steps all happen', async () => {
      await given(store(), meta);
      const claims = Array.from({ length: 50 }, (_, n) => claimOf(`step-${n}`));
      const written = await Promise.all(claims.map((claim) => write(claim, ABSENT)));
      expect(written.every((one) => one.written)).toBe(true);
      expect((await loaded(store(), meta)).steps.size).toBe(50);
    });
  });
}
