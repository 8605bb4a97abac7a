import { LIMITS } from './limits.ts';
import { CALL_KINDS, type CallKind, type WorkflowStatus } from './names.ts';

/** A key attribute and its DynamoDB type. */
interface KeyAttribute {
  readonly name: string;
  readonly type: 'S' | 'N';
}

/** A sparse index: an item without both key attributes is not in it. The table's own keys are in every index. */
export interface IndexSchema {
  readonly name: string;
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute;
  /** Attributes that the index holds beside the keys; none makes it a KEYS_ONLY index. */
  readonly projected: readonly string[];
}

/** A table as plain data: the CDK construct and the tests make the same one from it. Billing is on demand. */
export interface TableSchema {
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute;
  readonly indexes: readonly IndexSchema[];
  /** The attribute with an item's time to live, in seconds since 1970. */
  readonly timeToLive: string;
}

/** Attributes that are part of a key. */
export const KEYS = {
  partition: 'pk',
  sort: 'sk',
  listing: 'listing',
  position: 'position',
  due: 'due',
  dueAt: 'dueAt',
  timeToLive: 'ttl',
} as const;

/**
 * A copy of META's status, which only workflows of the listing group `ended` have. The index holds this copy and not `status`
 * itself: so a workflow that completes changes nothing in the index, and costs no write there.
 */
export const ENDED = 'ended';

/** What a listing reads of META to learn the status of a healthy workflow. It may read nothing else of the table. */
export const STATUS_ATTRIBUTES = [KEYS.partition, KEYS.sort, 'status'] as const;

/**
 * Workflows of one tenant, newest last. It projects what a listing shows beyond the keys, except the status of healthy
 * workflows: that changes once more, so a listing reads it from the table.
 */
const LISTING_INDEX = {
  name: 'listing',
  partitionKey: { name: KEYS.listing, type: 'S' },
  sortKey: { name: KEYS.position, type: 'S' },
  projected: ['chain', ENDED],
} as const satisfies IndexSchema;

/** Workflows that the reconciler must look at, first due first. */
const DUE_INDEX = {
  name: 'due',
  partitionKey: { name: KEYS.due, type: 'S' },
  sortKey: { name: KEYS.dueAt, type: 'N' },
  projected: [],
} as const satisfies IndexSchema;

export const INDEX_NAMES = { listing: LISTING_INDEX.name, due: DUE_INDEX.name } as const;

export const TABLE_SCHEMA: TableSchema = {
  partitionKey: { name: KEYS.partition, type: 'S' },
  sortKey: { name: KEYS.sort, type: 'S' },
  indexes: [LISTING_INDEX, DUE_INDEX],
  timeToLive: KEYS.timeToLive,
};

/** Sort key of a workflow's own item. */
export const META_KEY = 'META';
const PREFIXES: Readonly<Record<CallKind, string>> = { do: 'STEP#', undo: 'UNDO#', lookup: 'LOOKUP#' };

/** @example partitionKey('default', 'wf_…') // 'default#wf_…' */
export const partitionKey = (tenant: string, workflowId: string): string => `${tenant}#${workflowId}`;

/** The tenant and workflow id in a partition key. A tenant may hold a `#`, a workflow id never does. */
export function parsePartitionKey(key: string): { readonly tenant: string; readonly workflowId: string } {
  const end = key.lastIndexOf('#');
  if (end < 0) throw new Error(`"${key}" is not a partition key`);
  return { tenant: key.slice(0, end), workflowId: key.slice(end + 1) };
}

/** An item that is of no workflow: its partition key has no `#`. It keeps the pace at which on-call is told. */
export const PACE_KEYS = { [KEYS.partition]: 'on-call', [KEYS.sort]: 'PACE' } as const;

/** The items by which reads that wait are counted, one for each place: beside the pace, they are of no workflow. */
export const WAITS_PARTITION = 'waits';
/** @example waitKeys(7) // { pk: 'waits', sk: 'PLACE#7' } */
export const waitKeys = (place: number) =>
  ({ [KEYS.partition]: WAITS_PARTITION, [KEYS.sort]: `PLACE#${place}` }) as const;

/** @example stepKey('payment', 'undo') // 'UNDO#payment' */
export const stepKey = (step: string, kind: CallKind = 'do'): string => PREFIXES[kind] + step;

/** The step's name in a sort key, and what its item records; undefined if the item is no step's. */
export function parseStepKey(key: string): { readonly step: string; readonly kind: CallKind } | undefined {
  const kind = CALL_KINDS.find((one) => key.startsWith(PREFIXES[one]));
  return kind && { step: key.slice(PREFIXES[kind].length), kind };
}

/**
 * The shard of both indexes that a workflow belongs to, from 0 to `LIMITS.indexShards - 1`. FNV-1a over the id: ids are
 * random, so any hash spreads them; this one needs no import.
 */
export function shardOf(workflowId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < workflowId.length; at += 1) {
    hash = Math.imul(hash ^ workflowId.charCodeAt(at), 0x01000193);
  }
  // The low bits of FNV-1a depend on the low bits of the text alone.
  return ((hash >>> 16) ^ (hash & 0xffff)) % LIMITS.indexShards;
}

/**
 * Healthy workflows are listed apart from the others: failed ones are found without reading healthy ones, and a
 * workflow that completes keeps its entry in the index as it is, which costs nothing.
 */
export const LISTING_GROUPS = ['healthy', 'ended'] as const;
export type ListingGroup = (typeof LISTING_GROUPS)[number];

export const listingGroup = (status: WorkflowStatus): ListingGroup =>
  status === 'completed' || status === 'processing' ? 'healthy' : 'ended';

/** @example listingPartition('default', 'healthy', 3) // 'default#healthy#3' */
export const listingPartition = (tenant: string, group: ListingGroup, shard: number): string =>
  `${tenant}#${group}#${shard}`;

/** @example duePartition(3) // 'due#3' */
export const duePartition = (shard: number): string => `due#${shard}`;

/** Time to live of a step's item, in seconds since 1970; `expiresAt` in milliseconds. */
export const stepTimeToLive = (expiresAt: number): number => Math.ceil(expiresAt / 1_000);

/** META outlives its steps, so that no step is ever without its workflow. */
export const metaTimeToLive = (expiresAt: number): number =>
  stepTimeToLive(expiresAt) + LIMITS.metaKeepsLongerDays * 86_400;
