import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WORKFLOW_STATUSES } from '../../../lib/contract/names.ts';
import { shardOf } from '../../../lib/contract/table.ts';
import {
  DUE,
  dueKey,
  dueRange,
  itemsOf,
  LISTINGS,
  listingKey,
  listingOf,
  listingOfKey,
  passes,
  type Range,
  rangeOf,
  readDueKey,
  readListingKey,
  stepItem,
  tenantListings,
} from '../../../lib/local/store/keys.ts';
import { metaOf } from '../../ports/store/fixtures.ts';

/** Text of any kind: what looks like parts of keys, every plane of Unicode, and halves of surrogate pairs. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    '/',
    '%',
    '%002f',
    'a/b',
    'META',
    'STEP#',
    'UNDO#',
    'LOOKUP#',
    'l',
    'd/0/',
    '0',
    '~',
    '~~',
    '~a',
    '.',
    '..',
    '\ud83d',
    '\ude9a',
  ),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
  fc.string({ unit: fc.constantFrom('a', 'b', '/', '%', '0', '2', 'f', '-'), maxLength: 8 }),
);
const status = fc.constantFrom(...WORKFLOW_STATUSES);
const whole = fc.integer({ min: 0, max: 99_999_999_999_999 });

const within = ({ gte, lt }: Range, key: string): boolean => key >= gte && key < lt;
/** As LevelDB compares: byte by byte. */
const before = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

it('keys of each kind, and no others, are in the range of their kind', () => {
  fc.assert(
    fc.property(text, text, text, status, (tenant, workflowId, chain, state) => {
      const meta = metaOf('', { tenant, workflowId, chain, status: state });
      const keys = { [LISTINGS]: listingKey(meta), [DUE]: dueKey(meta, 1), 'w/': itemsOf(meta) };
      for (const [prefix, key] of Object.entries(keys)) {
        const found = Object.keys(keys).filter((other) => within(rangeOf(other), key));
        expect(found).toEqual([prefix]);
      }
    }),
    { numRuns: 500 },
  );
});

describe('the keys of items', () => {
  it('of two workflows are never the same, and lie in no range but their own', () => {
    fc.assert(
      fc.property(text, text, text, text, text, (tenant, workflowId, otherTenant, otherId, step) => {
        const mine = itemsOf({ tenant, workflowId });
        const other = itemsOf({ tenant: otherTenant, workflowId: otherId });
        const same = tenant === otherTenant && workflowId === otherId;
        expect(mine === other).toBe(same);
        expect(within(rangeOf(mine), other + stepItem({ step }))).toBe(same);
        expect(within(rangeOf(mine), mine + stepItem({ step }))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the keys of listings', () => {
  it('say what they were made of', () => {
    fc.assert(
      fc.property(text, text, text, status, whole, (tenant, workflowId, chain, state, createdAt) => {
        const meta = metaOf('', { tenant, workflowId, chain, status: state, createdAt });
        const key = listingKey(meta);
        const { position, ...listed } = readListingKey(key);
        expect(listed).toEqual({ workflowId, chain, status: state, createdAt });
        expect(key).toBe(listingOf(meta) + position);
        expect(listingOfKey(key)).toBe(listingOf(meta));
        expect(within(rangeOf(listingOf(meta)), key)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('of two tenants, chains or statuses are apart', () => {
    const place = fc.record({ tenant: text, chain: text, status });
    fc.assert(
      fc.property(place, place, (one, other) => {
        const sameTenant = one.tenant === other.tenant;
        const same = sameTenant && one.chain === other.chain && one.status === other.status;
        expect(listingOf(one) === listingOf(other)).toBe(same);
        expect(listingOf(one).startsWith(tenantListings(other.tenant))).toBe(sameTenant);
        const key = listingKey(metaOf('', one));
        expect(within(rangeOf(listingOf(other)), key)).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('pass the filters that they fit, and no others', () => {
    fc.assert(
      fc.property(text, text, text, status, status, (tenant, chain, otherChain, is, asked) => {
        const listing = listingOf({ tenant, chain, status: is });
        expect(passes(listing, {})).toBe(true);
        expect(passes(listing, { chain: otherChain })).toBe(chain === otherChain);
        expect(passes(listing, { status: asked })).toBe(is === asked);
        expect(passes(listing, { chain, status: asked })).toBe(is === asked);
        expect(passes(listing, { chain: otherChain, status: is })).toBe(chain === otherChain);
      }),
    );
  });

  it('sort as the times of creation do', () => {
    fc.assert(
      fc.property(whole, whole, text, text, (earlier, later, workflowId, otherId) => {
        fc.pre(earlier < later);
        const first = listingKey(metaOf('', { workflowId, createdAt: earlier }));
        const second = listingKey(metaOf('', { workflowId: otherId, createdAt: later }));
        expect(before(first, second)).toBe(true);
        expect(readListingKey(first).position < readListingKey(second).position).toBe(true);
      }),
    );
  });

  it('of an unknown status are refused: another version wrote them', () => {
    expect(() => readListingKey('l/acme/orders/paused/000000000000001-wf_1')).toThrow(/"paused"/);
  });
});

/** Times with a fraction too: a third of a second is a timeout that a step may have. */
const dueTime = fc.oneof(
  whole,
  whole.map((at) => at + 1 / 3),
);

describe('the keys of what is due', () => {
  it('say what they were made of', () => {
    fc.assert(
      fc.property(text, text, whole, (tenant, workflowId, dueAt) => {
        expect(readDueKey(dueKey({ tenant, workflowId }, dueAt))).toEqual({ tenant, workflowId, dueAt });
      }),
      { numRuns: 500 },
    );
  });

  it('are in the range of their shard from their time on', () => {
    fc.assert(
      fc.property(text, text, dueTime, whole, fc.nat({ max: 7 }), (tenant, workflowId, dueAt, now, shard) => {
        const key = dueKey({ tenant, workflowId }, dueAt);
        const mine = shard === shardOf(workflowId);
        expect(within(dueRange(shard, now), key)).toBe(mine && dueAt <= now);
        expect(within(dueRange(shard, Math.ceil(dueAt)), key)).toBe(mine);
      }),
      { numRuns: 500 },
    );
  });

  it('sort as their times do', () => {
    fc.assert(
      fc.property(text, text, whole, whole, (tenant, otherTenant, earlier, later) => {
        fc.pre(earlier < later);
        const workflowId = 'wf_1';
        const first = dueKey({ tenant, workflowId }, earlier);
        expect(before(first, dueKey({ tenant: otherTenant, workflowId }, later))).toBe(true);
      }),
    );
  });
});
