import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { dueByShard, eventually, given, idsOf, metaOf, START } from './fixtures.ts';

/** Eighty workflows of two tenants, due one second after the other, saved in another order than they are due in. */
const manyDue = (): WorkflowMeta[] =>
  Array.from({ length: 80 }, (_, n) =>
    metaOf(`due ${n}`, { tenant: n % 2 === 0 ? 'acme' : 'a#b', dueAt: START + ((n * 37) % 80) * 1_000 }),
  );

const entryOf = ({ tenant, workflowId, dueAt }: WorkflowMeta) => ({ tenant, workflowId, dueAt });

/** The index by which the reconciler finds what is due. */
export function dueContract(store: () => Store): void {
  describe('listDue', () => {
    it('shows what is due in exactly one shard, oldest first, with tenant, id and due time', async () => {
      const metas = manyDue();
      await given(store(), ...metas);
      await eventually(async () => {
        const shards = await dueByShard(store(), START + 80_000);
        const found = shards.flat();
        expect(found).toHaveLength(80);
        expect(new Set(idsOf(found)).size).toBe(80);
        for (const meta of metas) expect(found).toContainEqual(entryOf(meta));
        for (const shard of shards) {
          const times = shard.map(({ dueAt }) => dueAt);
          expect(times).toStrictEqual([...times].sort((a, b) => a - b));
        }
      });
    });

    it('spreads workflows over all shards', async () => {
      await given(store(), ...manyDue());
      await eventually(async () => {
        const shards = await dueByShard(store(), START + 80_000);
        expect(shards).toHaveLength(LIMITS.indexShards);
        for (const shard of shards) expect(shard.length).toBeGreaterThan(0);
      });
    });

    it('shows what is due at this very moment, and nothing that is due later', async () => {
      const early = metaOf('early', { dueAt: START - 1 });
      const now = metaOf('now', { dueAt: START });
      const late = metaOf('late', { dueAt: START + 1 });
      await given(store(), early, now, late);
      await eventually(async () => {
        const found = idsOf((await dueByShard(store(), START)).flat());
        expect(found.sort()).toStrictEqual([early.workflowId, now.workflowId].sort());
      });
    });

    it('shows times of different lengths in their order', async () => {
      const times = [9, 10, 99, 1_000, START];
      const metas = times.flatMap((dueAt) =>
        Array.from({ length: 16 }, (_, n) => metaOf(`${dueAt} ${n}`, { dueAt })),
      );
      await given(store(), ...metas);
      await eventually(async () => {
        const shards = await dueByShard(store(), START);
        expect(shards.flat()).toHaveLength(metas.length);
        for (const shard of shards) {
          const found = shard.map(({ dueAt }) => dueAt);
          expect(found).toStrictEqual([...found].sort((a, b) => a - b));
        }
      });
    });

    it('shows at most as many as asked for, the oldest', async () => {
      await given(store(), ...manyDue());
      await eventually(async () => {
        const all = await dueByShard(store(), START + 80_000);
        expect(all.flat()).toHaveLength(80);
        const few = await dueByShard(store(), START + 80_000, 2);
        expect(few).toStrictEqual(all.map((shard) => shard.slice(0, 2)));
      });
    });

    it('shows a workflow at its new time alone once that was moved', async () => {
      const meta = metaOf('one', { dueAt: START });
      const moved = { ...meta, dueAt: START + 10_000 };
      await given(store(), meta);
      await store().writeMeta(moved, { status: 'processing', epoch: 0, dueAt: START });
      await eventually(async () => {
        expect((await dueByShard(store(), START + 9_999)).flat()).toStrictEqual([]);
        expect((await dueByShard(store(), START + 10_000)).flat()).toStrictEqual([entryOf(moved)]);
      });
    });

    it('forgets a workflow that has no due time any more, and finds it again when it has', async () => {
      const meta = metaOf('one', { dueAt: START });
      const { dueAt: _, ...undue } = meta;
      await given(store(), meta);
      await store().writeMeta({ ...undue, status: 'failed' }, { status: 'processing', epoch: 0 });
      await eventually(async () => {
        expect((await dueByShard(store(), START)).flat()).toStrictEqual([]);
      });
      await store().writeMeta({ ...meta, epoch: 1 }, { status: 'failed', epoch: 0 });
      await eventually(async () => {
        expect((await dueByShard(store(), START)).flat()).toStrictEqual([entryOf(meta)]);
      });
    });
  });
}
