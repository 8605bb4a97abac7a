import { describe, expect, it } from 'vitest';
import type { Store } from '../../../lib/engine/ports.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { ABSENT, claimOf, given, loaded, metaOf, START } from './fixtures.ts';

const failedOf = (meta: WorkflowMeta): WorkflowMeta => ({
  ...meta,
  status: 'failed',
  error: {
    code: 'TARGET_UNAVAILABLE',
    message: 'the reply says: ""',
    target: 'payments',
    httpStatus: 503,
    effect: 'unknown',
    step: 'payment',
    attempts: 3,
  },
  notify: 'pending',
  newKey: { step: 'payment', epoch: 1 },
  erased: true,
  updatedAt: START + 5_000,
  dueAt: START + 65_000,
  dueAfter: 60_000,
});

/** Conditional writes of META. */
export function metaContract(store: () => Store): void {
  describe('writeMeta', () => {
    it('writes over the status and epoch that were expected', async () => {
      const meta = metaOf('one');
      await given(store(), meta);
      const failed = failedOf(meta);
      const written = await store().writeMeta(failed, { status: 'processing', epoch: 0 });
      expect(written).toStrictEqual({ written: true });
      expect((await loaded(store(), meta)).meta).toStrictEqual(failed);
    });

    it.each([
      ['another status', { status: 'failed', epoch: 0 }],
      ['another epoch', { status: 'processing', epoch: 1 }],
      ['another due time', { status: 'processing', epoch: 0, dueAt: START }],
    ] as const)('writes nothing where %s was expected, and shows META as it is', async (_, expected) => {
      const meta = metaOf('one');
      await given(store(), meta);
      const step = claimOf('payment');
      await store().writeStep(meta, step, ABSENT, meta.expiresAt);
      const written = await store().writeMeta(failedOf(meta), expected);
      expect(written).toStrictEqual({ written: false, current: meta });
      const state = await loaded(store(), meta);
      expect(state.meta).toStrictEqual(meta);
      expect(state.steps).toStrictEqual(new Map([['payment', step]]));
    });

    it('compares the due time only where one is expected', async () => {
      const meta = metaOf('one', { dueAt: START + 1 });
      await given(store(), meta);
      const moved = { ...meta, dueAt: START + 2 };
      expect(await store().writeMeta(moved, { status: 'processing', epoch: 0 })).toStrictEqual({
        written: true,
      });
      const again = { ...meta, dueAt: START + 3 };
      const expected = { status: 'processing', epoch: 0, dueAt: START + 2 } as const;
      expect(await store().writeMeta(again, expected)).toStrictEqual({ written: true });
      expect(await store().writeMeta(moved, expected)).toStrictEqual({ written: false, current: again });
    });

    it('finds no due time where the workflow has none', async () => {
      const { dueAt: _, ...meta } = metaOf('one');
      await given(store(), meta);
      const written = await store().writeMeta(metaOf('one'), {
        status: 'processing',
        epoch: 0,
        dueAt: START + 135_000,
      });
      expect(written).toStrictEqual({ written: false, current: meta });
    });

    it('creates nothing where there is no workflow', async () => {
      const meta = metaOf('nobody');
      const written = await store().writeMeta(meta, { status: 'processing', epoch: 0 });
      expect(written).toStrictEqual({ written: false, current: undefined });
      expect(await store().load(meta)).toBeUndefined();
    });

    it('really removes what the new META does not have', async () => {
      const meta = metaOf('one', {
        fingerprint: { open: 'aa', sealed: { key: 'bb', mac: 'cc' } },
        dueAfter: 60_000,
      });
      await given(store(), failedOf(meta));
      const { dueAt: _, dueAfter: __, ...rest } = meta;
      const bare: WorkflowMeta = { ...rest, status: 'completed', input: {}, fingerprint: { open: 'aa' } };
      expect(await store().writeMeta(bare, { status: 'failed', epoch: 0 })).toStrictEqual({ written: true });
      expect((await loaded(store(), meta)).meta).toStrictEqual(bare);
    });

    it('lets exactly one of twenty concurrent resumes win, and shows the winner to the others', async () => {
      const meta = metaOf('one', { status: 'failed' });
      await given(store(), meta);
      const resumes = Array.from({ length: 20 }, (_, n) => ({
        ...meta,
        status: 'processing' as const,
        epoch: 1,
        nonce: `resume ${n}`,
      }));
      const written = await Promise.all(
        resumes.map((resume) => store().writeMeta(resume, { status: 'failed', epoch: 0 })),
      );
      const winners = resumes.filter((_, n) => written[n]?.written);
      expect(winners).toHaveLength(1);
      for (const loser of written.filter((one) => !one.written)) {
        expect(loser).toStrictEqual({ written: false, current: winners[0] });
      }
      expect((await loaded(store(), meta)).meta).toStrictEqual(winners[0]);
    });
  });
}
