import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Store } from '../../../lib/engine/ports.ts';
import { claimOf, metaOf, START } from '../../ports/store/fixtures.ts';

export const META = metaOf('one');
export const CLAIM = claimOf('payment');
/** What `CLAIM` leaves to be expected. */
export const CLAIMED = { status: 'running', token: CLAIM.token } as const;

/** Every method of a store, each with one call of it. */
export const METHODS: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ['create', (store) => store.create(META)],
  ['load', (store) => store.load(META)],
  ['writeMeta', (store) => store.writeMeta(META, { status: 'processing', epoch: 0, dueAt: START })],
  ['writeStep', (store) => store.writeStep(META, CLAIM, CLAIMED, META.expiresAt)],
  ['list', (store) => store.list({ tenant: 'acme', limit: 5 })],
  ['listDue', (store) => store.listDue(0, START, 5)],
];

/** An item as it goes over the wire. Ours hold text, numbers and truth values only. */
export function attributesOf(item: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(item)) {
    if (typeof value === 'string') attributes[name] = { S: value };
    if (typeof value === 'number') attributes[name] = { N: String(value) };
    if (typeof value === 'boolean') attributes[name] = { BOOL: value };
  }
  return attributes;
}

/** An item as the document client gives it. */
export const storedItem = (item: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
