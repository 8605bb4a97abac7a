import * as z from 'zod';
import { LOOKUP_ANSWERS, OPERATIONS, STATEMENTS, WORKFLOW_STATUSES } from '../../contract/names.ts';
import {
  duePartition,
  ENDED,
  KEYS,
  listingGroup,
  listingPartition,
  META_KEY,
  metaTimeToLive,
  PACE_KEYS,
  parsePartitionKey,
  parseStepKey,
  partitionKey,
  shardOf,
  stepKey,
  stepTimeToLive,
} from '../../contract/table.ts';
import { listingPosition, stepError, workflowError } from '../../contract/wire.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Pace } from '../../engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../engine/state.ts';

/**
 * An item as it lies in the table: every attribute is text, a number or a truth value. Whatever is nested is JSON in a
 * text attribute, because DynamoDB's own documents refuse valid JSON: numbers below 1e-130 or of more than 38 digits,
 * nesting below 32 levels, text with half a surrogate pair. An undefined attribute is not stored.
 */
export type Item = Readonly<Record<string, string | number | boolean | undefined>>;

const toJson = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);

const fromJson = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // What JSON.parse says would quote the text, which may be sensitive.
    context.addIssue({ code: 'custom', message: 'not JSON' });
    return z.NEVER;
  }
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const time = z.number();
const count = z.int().nonnegative();

const fingerprint = z.object({
  open: z.string(),
  sealed: z.object({ key: z.string(), mac: z.string() }).exactOptional(),
});

const operation = z.object({
  operation: z.enum(OPERATIONS),
  at: time,
  reason: z.string().exactOptional(),
  steps: z.record(z.string(), z.enum(STATEMENTS)).exactOptional(),
});

/** Whatever else is in it a newer version wrote, and will look for: it is kept as it is. */
const metaItem = z.looseObject({
  pk: z.string(),
  // Made anew at each write.
  sk: z.unknown().optional(),
  listing: z.unknown().optional(),
  position: z.unknown().optional(),
  [ENDED]: z.unknown().optional(),
  due: z.unknown().optional(),
  ttl: z.unknown().optional(),
  chain: z.string(),
  version: count,
  shape: z.string().exactOptional(),
  status: z.enum(WORKFLOW_STATUSES),
  epoch: count,
  // A custom check and no record: a copy would lose a field named __proto__.
  input: fromJson.pipe(z.custom<Readonly<Record<string, unknown>>>(isObject)),
  erased: z.literal(true).exactOptional(),
  fingerprint: fromJson.pipe(fingerprint).exactOptional(),
  requestKey: z.string().exactOptional(),
  nonce: z.string(),
  error: fromJson.pipe(workflowError).exactOptional(),
  onFailure: z.literal('undo').exactOptional(),
  undoEpoch: count.exactOptional(),
  undoError: fromJson.pipe(workflowError).exactOptional(),
  newKey: fromJson.pipe(z.object({ step: z.string(), epoch: count })).exactOptional(),
  newKeys: fromJson.pipe(z.record(z.string(), count)).exactOptional(),
  notify: z.literal('pending').exactOptional(),
  operations: fromJson.pipe(z.array(operation)).exactOptional(),
  createdAt: time,
  updatedAt: time,
  dueAt: time.exactOptional(),
  dueAfter: time.exactOptional(),
  expiresAt: time,
});

const attempt = z.object({
  epoch: count,
  attempt: count,
  round: count,
  outcome: z.enum(['running', 'completed', 'retrying', 'failed', 'interrupted']),
  startedAt: time,
  endedAt: time.exactOptional(),
  error: stepError.exactOptional(),
});

const stepItem = z.object({
  status: z.enum(['pending', 'running', 'retrying', 'completed', 'skipped', 'failed', 'cancelled']),
  epoch: count,
  attempt: count,
  round: count,
  open: count,
  keyedAt: time.exactOptional(),
  sentHash: z.string().exactOptional(),
  token: z.string(),
  leaseUntil: time.exactOptional(),
  nextAttemptAt: time.exactOptional(),
  startedAt: time.exactOptional(),
  completedAt: time.exactOptional(),
  updatedAt: time,
  result: fromJson.exactOptional(),
  sealed: z.string().exactOptional(),
  error: fromJson.pipe(stepError).exactOptional(),
  found: z.literal(false).exactOptional(),
  answer: z.enum(LOOKUP_ANSWERS).exactOptional(),
  before: z.literal('undo').exactOptional(),
  attempts: fromJson.pipe(z.array(attempt)),
});

/** The META item of a workflow, its index keys and expiry included. */
export function metaToItem(meta: WorkflowMeta): Item {
  const { tenant, workflowId, ...rest } = meta;
  const shard = shardOf(workflowId);
  const group = listingGroup(meta.status);
  return {
    ...rest,
    input: toJson(meta.input),
    fingerprint: toJson(meta.fingerprint),
    error: toJson(meta.error),
    undoError: toJson(meta.undoError),
    newKey: toJson(meta.newKey),
    newKeys: toJson(meta.newKeys),
    operations: toJson(meta.operations),
    [KEYS.partition]: partitionKey(tenant, workflowId),
    [KEYS.sort]: META_KEY,
    [KEYS.listing]: listingPartition(tenant, group, shard),
    [KEYS.position]: listingPosition(meta.createdAt, workflowId),
    [ENDED]: group === 'ended' ? meta.status : undefined,
    // The index is sparse: it holds a workflow only while both its keys are there.
    [KEYS.due]: meta.dueAt === undefined ? undefined : duePartition(shard),
    [KEYS.timeToLive]: metaTimeToLive(meta.expiresAt),
  };
}

/** Errors: `EngineError` `NEWER_VERSION`; throws where the item is not what `metaToItem` writes, and names it. */
export function metaFromItem(item: unknown): WorkflowMeta {
  const { pk, sk, listing, position, [ENDED]: ended, due, ttl, ...meta } = read(metaItem, item);
  return { ...parsePartitionKey(pk), ...meta };
}

/** A step's item. `expiresAt` is the workflow's, in milliseconds since 1970. */
export function stepToItem(key: WorkflowKey, record: StepRecord, expiresAt: number): Item {
  const { step, action, ...rest } = record;
  return {
    ...rest,
    result: toJson(record.result),
    error: toJson(record.error),
    attempts: toJson(record.attempts),
    [KEYS.partition]: partitionKey(key.tenant, key.workflowId),
    [KEYS.sort]: stepKey(step, action),
    [KEYS.timeToLive]: stepTimeToLive(expiresAt),
  };
}

/** Errors: as `metaFromItem`; `NEWER_VERSION` for an item of another kind, too. */
export function stepFromItem(item: unknown): StepRecord {
  const sortKey = sortKeyOf(item);
  const named = parseStepKey(sortKey);
  if (named === undefined) throw newer(`there is an item "${sortKey}"`);
  const { step, kind } = named;
  return { step, ...(kind === 'do' ? {} : { action: kind }), ...read(stepItem, item) };
}

const paceItem = z.object({
  version: count,
  nonce: z.string().exactOptional(),
  nextAt: time,
  windows: fromJson.pipe(z.array(z.object({ group: z.string(), head: z.string(), until: time }))),
});

/** The item of the pace: it never expires. */
export const paceToItem = (pace: Pace): Item => ({
  ...PACE_KEYS,
  version: pace.version,
  nonce: pace.nonce,
  nextAt: pace.nextAt,
  windows: toJson(pace.windows),
});

/** Errors: throws where the item is not what `paceToItem` writes. */
export const paceFromItem = (item: unknown): Pace => read(paceItem, item);

/** The sort key of any item. */
export const sortKeyOf = (item: unknown): string => sortKey.parse(item).sk;

const sortKey = z.object({ [KEYS.sort]: z.string() });

const keys = z.object({ [KEYS.partition]: z.string(), [KEYS.sort]: z.string() });

function read<Read>(schema: z.ZodType<Read>, item: unknown): Read {
  const { success, data, error } = schema.safeParse(item);
  if (success) return data;
  const named = keys.safeParse(item);
  const name = named.success ? `${named.data.pk} ${named.data.sk}` : 'without keys';
  const [issue] = error.issues;
  const where = issue?.path.join('.');
  // Only of words there may be others one day: a status, an outcome, the code of an error.
  if (issue?.code === 'invalid_value') throw newer(`the item ${name} has a "${where}"`);
  throw new Error(`the item ${name} is broken at "${where}": ${issue?.message}`);
}

const newer = (what: string): EngineError =>
  new EngineError('NEWER_VERSION', `${what} that this version of Stepline does not know`);
