import { createHash } from 'node:crypto';
import { idempotencyKey } from '../contract/names.ts';
import type { ChainDefinition } from './definition.ts';

/**
 * What the workflows of a version rely on: they would call a step again, leave one out, or be taken back beyond their pivot, if it changed under
 * them. Schemas, settings and functions are no part of it, nor are undos: these may be mended while workflows run. Nor are lookups, which
 * may be added and taken away, too: a step in doubt is asked for by the lookup that it has by then.
 */
export interface Shape {
  /** How the idempotency key of a call is made. */
  readonly key: string;
  /** By name, in the order of the alphabet; `after` too. */
  readonly steps: Readonly<Record<string, StepShape>>;
}

export interface StepShape {
  readonly kind: 'request' | 'run';
  readonly after: readonly string[];
  /** Left out where it is none. */
  readonly pivot?: true;
}

/** The key with the names of its parts in their places. */
const KEY = idempotencyKey({
  workflowId: '{workflowId}',
  step: '{step}',
  action: '{action}',
  round: '{round}',
});

/** @example shapeOf(refunds).steps // { refund: { kind: 'request', after: [] } } */
export const shapeOf = ({ steps }: ChainDefinition): Shape => ({
  key: KEY,
  steps: Object.fromEntries(
    steps
      .map(({ name, after, run, pivot }): [string, StepShape] => [
        name,
        {
          kind: run === undefined ? 'request' : 'run',
          after: [...after].sort(),
          ...(pivot ? { pivot } : {}),
        },
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  ),
});

/** Definitions never change, so each is hashed once. */
const hashed = new WeakMap<ChainDefinition, string>();

/** The shape as 16 characters: META of a workflow holds them, and every function compares. */
export function shapeHash(chain: ChainDefinition): string {
  const known = hashed.get(chain);
  if (known !== undefined) return known;
  const hash = createHash('sha256')
    .update(JSON.stringify(shapeOf(chain)))
    .digest('base64url')
    .slice(0, 16);
  hashed.set(chain, hash);
  return hash;
}
