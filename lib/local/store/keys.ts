import { WORKFLOW_STATUSES } from '../../contract/names.ts';
import { shardOf, stepKey } from '../../contract/table.ts';
import { listingPosition } from '../../contract/wire.ts';
import type { ListedWorkflow, ListFilter } from '../../engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../engine/state.ts';

/**
 * Keys of the embedded database. Their parts are separated by `/`, which no part holds, and sort as text:
 *
 *     w/<tenant>/<workflow id>/META            an item
 *     w/<tenant>/<workflow id>/STEP#<name>     an item
 *     w/<tenant>/<workflow id>/UNDO#<name>     an item
 *     w/<tenant>/<workflow id>/LOOKUP#<name>   an item
 *     l/<tenant>/<chain>/<status>/<position>   the workflow's one place in the listing
 *     d/<shard>/<due at>/<tenant>/<id>         present while the reconciler has something to look at
 *     !pace                                    the pace at which on-call is told
 *
 * One listing entry moves with the status: a healthy workflow costs three changes of it in all, every filter reads only
 * what it shows, and a listing without filters merges as many ranges as there are chains and statuses.
 */
export interface Range {
  readonly gte: string;
  readonly lt: string;
}

/** Everything that begins with `prefix`, which ends with `/`. */
export const rangeOf = (prefix: string): Range => ({ gte: prefix, lt: `${prefix.slice(0, -1)}0` });

const SAFE = /^[\w.~-]*$/;
const UNSAFE = /[^\w.~-]/g;

/** Any text as a part of a key: two texts never share one, lone surrogates included. Nearly all are one as they are. */
const part = (text: string): string =>
  SAFE.test(text)
    ? text
    : text.replace(UNSAFE, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const textOf = (written: string): string =>
  written.replace(/%([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** What the keys of a workflow's items begin with; it names the workflow among all tenants. */
export const itemsOf = ({ tenant, workflowId }: WorkflowKey): string =>
  `w/${part(tenant)}/${part(workflowId)}/`;
export const META = 'META';
export const PACE = '!pace';
export const stepItem = ({ step, action }: Pick<StepRecord, 'step' | 'action'>): string =>
  stepKey(step, action);

export const LISTINGS = 'l/';
export const tenantListings = (tenant: string): string => `${LISTINGS}${part(tenant)}/`;

/** The range of a listing that holds `meta`. */
export const listingOf = ({
  tenant,
  chain,
  status,
}: Pick<WorkflowMeta, 'tenant' | 'chain' | 'status'>): string =>
  `${LISTINGS}${part(tenant)}/${part(chain)}/${status}/`;

/** Whether a listing range, of the tenant that it was found under, passes a filter. */
export function passes(listing: string, { chain, status }: Pick<ListFilter, 'chain' | 'status'>): boolean {
  const [, , ofChain, ofStatus] = listing.split('/');
  return (chain === undefined || ofChain === part(chain)) && (status === undefined || ofStatus === status);
}

/** The listing range that a listing key belongs to. */
export const listingOfKey = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);

export const listingKey = (meta: WorkflowMeta): string =>
  listingOf(meta) + listingPosition(meta.createdAt, part(meta.workflowId));

const POSITION_DIGITS = listingPosition(0, '').length - 1;

/** What a listing key says of its workflow, and its place among all others. */
export function readListingKey(key: string): ListedWorkflow & { readonly position: string } {
  const [, , chain = '', written = '', position = ''] = key.split('/');
  const status = WORKFLOW_STATUSES.find((known) => known === written);
  if (status === undefined) throw new Error(`the database lists a workflow as "${written}"`);
  return {
    workflowId: textOf(position.slice(POSITION_DIGITS + 1)),
    createdAt: Number(position.slice(0, POSITION_DIGITS)),
    chain: textOf(chain),
    status,
    position,
  };
}

/** The workflow that a listing key is of. */
export function workflowOfKey(key: string): WorkflowKey {
  const [, tenant = ''] = key.split('/');
  return { tenant: textOf(tenant), workflowId: readListingKey(key).workflowId };
}

export const DUE = 'd/';
const TIME_DIGITS = 15;
/** Whole, so that times sort as text: a step's timeout, and with it a due time, may have a fraction. */
const time = (at: number): string => String(Math.ceil(at)).padStart(TIME_DIGITS, '0');

export const dueKey = ({ tenant, workflowId }: WorkflowKey, dueAt: number): string =>
  `${DUE}${shardOf(workflowId)}/${time(dueAt)}/${part(tenant)}/${part(workflowId)}`;

/** Everything of a shard that is due at `now`. */
export const dueRange = (shard: number, now: number): Range => ({
  gte: `${DUE}${shard}/`,
  lt: `${DUE}${shard}/${time(now + 1)}`,
});

export function readDueKey(key: string): WorkflowKey & { readonly dueAt: number } {
  const [, , dueAt = '', tenant = '', workflowId = ''] = key.split('/');
  return { tenant: textOf(tenant), workflowId: textOf(workflowId), dueAt: Number(dueAt) };
}
