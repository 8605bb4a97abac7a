import { describe, expect, it } from 'vitest';
import { WORKFLOW_STATUSES } from '../../../lib/contract/names.ts';
import { LISTING_POSITION, listingPosition } from '../../../lib/contract/wire.ts';
import type { ListedWorkflow, ListFilter, Store } from '../../../lib/engine/ports.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { eventually, given, idsOf, metaOf, START, walk } from './fixtures.ts';

const CHAINS = ['order-processing', 'notifications', 'user-onboarding'] as const;

/** Thirty workflows: every status, three chains; two of each second share their creation time. */
const manyOf = (tenant: string): WorkflowMeta[] =>
  Array.from({ length: 30 }, (_, n) =>
    metaOf(`${tenant} ${n}`, {
      tenant,
      chain: CHAINS[n % 3] ?? CHAINS[0],
      status: WORKFLOW_STATUSES[n % WORKFLOW_STATUSES.length] ?? 'processing',
      createdAt: START + Math.floor(n / 2) * 1_000,
    }),
  );

const listed = ({ workflowId, chain, status, createdAt }: WorkflowMeta): ListedWorkflow => ({
  workflowId,
  chain,
  status,
  createdAt,
});

const newestFirst = (metas: readonly WorkflowMeta[]): ListedWorkflow[] =>
  metas
    .map(listed)
    .sort((a, b) =>
      listingPosition(a.createdAt, a.workflowId) < listingPosition(b.createdAt, b.workflowId) ? 1 : -1,
    );

/** Listings, newest first. */
export function listContract(store: () => Store): void {
  describe('list', () => {
    it('shows nothing of a tenant who started nothing', async () => {
      expect(await store().list({ tenant: 'nobody', limit: 10 })).toStrictEqual({ workflows: [] });
    });

    it('shows workflows newest first, with id, chain, status and creation time', async () => {
      const metas = manyOf('acme');
      await given(store(), ...metas);
      await eventually(async () => {
        const page = await store().list({ tenant: 'acme', limit: 100 });
        expect(page.workflows).toStrictEqual(newestFirst(metas));
      });
    });

    it('gives positions as cursors that need no escaping', async () => {
      await given(store(), ...manyOf('acme'));
      await eventually(async () => {
        const page = await store().list({ tenant: 'acme', limit: 3 });
        expect(page.next).toMatch(LISTING_POSITION);
      });
    });

    it('begins after a position at which there is no workflow', async () => {
      const metas = manyOf('acme');
      await given(store(), ...metas);
      const after = listingPosition(START + 5_500, 'wf_00000000000000000000000000000000');
      await eventually(async () => {
        const page = await store().list({ tenant: 'acme', limit: 100, after });
        expect(page.workflows).toStrictEqual(
          newestFirst(metas).filter((one) => one.createdAt < START + 5_500),
        );
      });
    });

    walkContract(store);
    changeContract(store);
  });
}

function walkContract(store: () => Store): void {
  it.each([1, 2, 7, 30, 31])('walks everything exactly once in pages of %d', async (limit) => {
    const metas = manyOf('acme');
    await given(store(), ...metas);
    await eventually(async () => {
      expect(await walk(store(), { tenant: 'acme', limit })).toStrictEqual(newestFirst(metas));
    });
  });

  it.each(WORKFLOW_STATUSES)('walks the workflows that are %s, and no others', async (status) => {
    const metas = manyOf('acme');
    await given(store(), ...metas);
    const expected = newestFirst(metas.filter((meta) => meta.status === status));
    expect(expected.length).toBeGreaterThan(3);
    await eventually(async () => {
      for (const limit of [1, 2, 7]) {
        expect(await walk(store(), { tenant: 'acme', status, limit })).toStrictEqual(expected);
      }
    });
  });

  it.each(CHAINS)('walks the workflows of chain %s, and no others', async (chain) => {
    const metas = manyOf('acme');
    await given(store(), ...metas);
    const expected = newestFirst(metas.filter((meta) => meta.chain === chain));
    await eventually(async () => {
      for (const limit of [1, 2, 7]) {
        expect(await walk(store(), { tenant: 'acme', chain, limit })).toStrictEqual(expected);
      }
    });
  });

  it('filters by chain and status together', async () => {
    const metas = manyOf('acme');
    await given(store(), ...metas);
    const filter = { tenant: 'acme', chain: 'notifications', status: 'failed' } as const;
    const expected = newestFirst(
      metas.filter((meta) => meta.chain === filter.chain && meta.status === filter.status),
    );
    expect(expected.length).toBeGreaterThan(0);
    await eventually(async () => {
      for (const limit of [1, 2, 7])
        expect(await walk(store(), { ...filter, limit })).toStrictEqual(expected);
    });
  });

  it('finds a few of many, however short the pages on the way', async () => {
    const many = Array.from({ length: 300 }, (_, n) => metaOf(`many ${n}`, { createdAt: START + n }));
    const few = [0, 150, 299].map((n) =>
      metaOf(`few ${n}`, { createdAt: START + n, chain: 'notifications' }),
    );
    await given(store(), ...many, ...few);
    await eventually(async () => {
      for (const limit of [1, 2, 100]) {
        const found = await walk(store(), { tenant: 'acme', chain: 'notifications', limit });
        expect(found).toStrictEqual(newestFirst(few));
      }
    });
  });

  it('finds the few that still run among many that have completed, and the many', async () => {
    const many = Array.from({ length: 300 }, (_, n) =>
      metaOf(`many ${n}`, { createdAt: START + n, status: 'completed' }),
    );
    const few = [0, 150, 299].map((n) => metaOf(`few ${n}`, { createdAt: START + n }));
    await given(store(), ...many, ...few);
    await eventually(async () => {
      for (const limit of [1, 2, 100]) {
        const found = await walk(store(), { tenant: 'acme', status: 'processing', limit });
        expect(found).toStrictEqual(newestFirst(few));
      }
      const found = await walk(store(), { tenant: 'acme', status: 'completed', limit: 70 });
      expect(found).toStrictEqual(newestFirst(many));
    });
  });

  it('shows each tenant its own workflows alone', async () => {
    const tenants = ['acme', 'acme#healthy', 'other'];
    const metas = tenants.map((tenant) => manyOf(tenant));
    await given(store(), ...metas.flat());
    await eventually(async () => {
      for (const [n, tenant] of tenants.entries()) {
        expect(await walk(store(), { tenant, limit: 7 })).toStrictEqual(newestFirst(metas[n] ?? []));
      }
    });
  });
}

function changeContract(store: () => Store): void {
  it('shows a workflow that is taken back as what it is then, and under no other status', async () => {
    const meta = metaOf('one');
    await given(store(), meta);
    const way = ['processing', 'failed', 'compensating', 'compensation_failed', 'compensated'] as const;
    for (const [at, status] of way.entries()) {
      const before = way[at - 1];
      if (before !== undefined) await store().writeMeta({ ...meta, status }, { status: before, epoch: 0 });
      await eventually(async () => {
        for (const asked of way) {
          const found = idsOf(await walk(store(), { tenant: 'acme', status: asked, limit: 10 }));
          expect(found, asked).toStrictEqual(asked === status ? [meta.workflowId] : []);
        }
      });
    }
  });

  it('moves a workflow from one listing to the other when its status changes, and back', async () => {
    const meta = metaOf('one');
    const failed: WorkflowMeta = { ...meta, status: 'failed' };
    const resumed: WorkflowMeta = { ...meta, epoch: 1 };
    const idsWith = async (status: 'processing' | 'failed') =>
      idsOf(await walk(store(), { tenant: 'acme', status, limit: 10 }));
    await given(store(), meta);
    await eventually(async () => expect(await idsWith('processing')).toStrictEqual([meta.workflowId]));
    await store().writeMeta(failed, { status: 'processing', epoch: 0 });
    await eventually(async () => {
      expect(await idsWith('processing')).toStrictEqual([]);
      expect(await idsWith('failed')).toStrictEqual([meta.workflowId]);
      expect(await walk(store(), { tenant: 'acme', limit: 10 })).toStrictEqual([listed(failed)]);
    });
    await store().writeMeta(resumed, { status: 'failed', epoch: 0 });
    await eventually(async () => {
      expect(await idsWith('failed')).toStrictEqual([]);
      expect(await walk(store(), { tenant: 'acme', limit: 10 })).toStrictEqual([listed(resumed)]);
    });
  });

  it('shows a completed workflow as completed', async () => {
    const { dueAt: _, ...meta } = metaOf('one');
    await given(store(), meta);
    const completed: WorkflowMeta = { ...meta, status: 'completed' };
    await store().writeMeta(completed, { status: 'processing', epoch: 0 });
    await eventually(async () => {
      expect(await walk(store(), { tenant: 'acme', limit: 10 })).toStrictEqual([listed(completed)]);
      expect(await walk(store(), { tenant: 'acme', status: 'processing', limit: 10 })).toStrictEqual([]);
    });
  });

  it('repeats and skips nothing of a walk during which newer workflows start', async () => {
    const metas = manyOf('acme');
    await given(store(), ...metas);
    await eventually(async () => expect(await walk(store(), { tenant: 'acme', limit: 30 })).toHaveLength(30));
    const first = await store().list({ tenant: 'acme', limit: 7 });
    await given(store(), metaOf('newer', { createdAt: START + 60_000 }));
    const seen = idsOf(first.workflows);
    let after = first.next;
    while (after !== undefined) {
      const page = await store().list({ tenant: 'acme', limit: 7, after });
      seen.push(...idsOf(page.workflows));
      after = page.next;
    }
    expect(seen).toStrictEqual(idsOf(newestFirst(metas)));
  });

  it('shows of a walk during which workflows complete and fail the rest as it is now, each once', async () => {
    const metas = Array.from({ length: 6 }, (_, n) => metaOf(n, { createdAt: START - n }));
    const [first, , third, fourth, ...others] = metas.map(listed);
    if (first === undefined || third === undefined || fourth === undefined) throw new Error('too few');
    await given(store(), ...metas);
    await eventually(async () =>
      expect(await walk(store(), { tenant: 'acme', limit: 6 })).toStrictEqual(metas.map(listed)),
    );
    const { next: after } = await store().list({ tenant: 'acme', limit: 2 });
    if (after === undefined) throw new Error('the first page is the last');
    for (const [n, status] of [
      [0, 'completed'],
      [2, 'completed'],
      [3, 'failed'],
    ] as const) {
      await store().writeMeta(metaOf(n, { createdAt: START - n, status }), {
        status: 'processing',
        epoch: 0,
      });
    }
    const completed = { ...third, status: 'completed' };
    const failed = { ...fourth, status: 'failed' };
    await eventually(async () => {
      const rest = (filter: Pick<ListFilter, 'status'>) =>
        walk(store(), { tenant: 'acme', limit: 2, after, ...filter });
      expect(await rest({})).toStrictEqual([completed, failed, ...others]);
      expect(await rest({ status: 'processing' })).toStrictEqual(others);
      expect(await rest({ status: 'completed' })).toStrictEqual([completed]);
      expect(await rest({ status: 'failed' })).toStrictEqual([failed]);
    });
  });

  it('lists a workflow that has expired as long as it is there', async () => {
    const meta = metaOf('one', { createdAt: 1_000, expiresAt: 2_000 });
    await given(store(), meta);
    await eventually(async () => {
      expect(await walk(store(), { tenant: 'acme', limit: 10 })).toStrictEqual([listed(meta)]);
    });
  });
}
