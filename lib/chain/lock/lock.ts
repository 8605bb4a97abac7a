import * as z from 'zod';
import type { ChainDefinition } from '../definition.ts';
import { DefinitionError } from '../definition-error.ts';
import { type Shape, shapeOf } from '../shape.ts';
import { type Undos, undosOf } from './undos.ts';

/** Where the lock lies, from the root of the project. */
export const LOCK_FILE = 'chains.lock.json';

/**
 * What is known of definitions that are deployed, or are to be. `npm run lock` writes it, everybody else compares.
 * By the name of the chain, and then by its version.
 */
export interface Lock {
  readonly chains: Readonly<Record<string, Readonly<Record<string, LockedChain>>>>;
}

export interface LockedChain {
  readonly shape: Shape;
  /** Left out where no step has one. */
  readonly undos?: Undos;
  /** Left out where it is `stop`. */
  readonly onFailure?: 'undo';
  /** As JSON Schema, what clients send; of each step that declares it, what its result is. */
  readonly schemas: { readonly input: unknown; readonly responses: Readonly<Record<string, unknown>> };
}

const KIND = z.enum(['request', 'run']);

const lockedChain = z.strictObject({
  shape: z.strictObject({
    key: z.string(),
    steps: z.record(
      z.string(),
      z.strictObject({ kind: KIND, after: z.array(z.string()), pivot: z.literal(true).exactOptional() }),
    ),
  }),
  undos: z.record(z.string(), KIND).exactOptional(),
  onFailure: z.literal('undo').exactOptional(),
  schemas: z.strictObject({ input: z.unknown(), responses: z.record(z.string(), z.unknown()) }),
});

const lockText = z.strictObject({ chains: z.record(z.string(), z.record(z.string(), lockedChain)) });

export const NO_LOCK: Lock = { chains: {} };

/** The entry of a definition. */
export function lockedChainOf(chain: ChainDefinition): LockedChain {
  const responses = chain.steps.flatMap(({ name, response }) =>
    response === undefined ? [] : [[name, jsonSchema(response, 'output')] as const],
  );
  const undos = undosOf(chain);
  const { onFailure } = chain;
  return {
    shape: shapeOf(chain),
    ...(Object.keys(undos).length === 0 ? {} : { undos }),
    ...(onFailure === 'stop' ? {} : { onFailure }),
    schemas: { input: jsonSchema(chain.input, 'input'), responses: Object.fromEntries(responses) },
  };
}

/** The lock of these definitions and no others. */
export function lockOf(chains: readonly ChainDefinition[]): Lock {
  const sorted = [...chains].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version,
  );
  const all: Record<string, Record<string, LockedChain>> = {};
  for (const chain of sorted) {
    all[chain.name] = { ...all[chain.name], [chain.version]: lockedChainOf(chain) };
  }
  return { chains: all };
}

/** As `z.toJSONSchema` says it, which leaves out checks of one's own. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

export const lockToText = (lock: Lock): string => `${JSON.stringify(lock, null, 2)}\n`;

/**
 * Errors: `DefinitionError` for a text that `lockToText` does not write.
 * @param text undefined for no file: then nothing is locked
 */
export function readLock(text: string | undefined): Lock {
  if (text === undefined) return NO_LOCK;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw broken('it is not JSON');
  }
  const { success, data, error } = lockText.safeParse(json);
  if (success) return data;
  const [issue] = error.issues;
  throw broken(`${issue?.path.join('.') || 'it'}: ${issue?.message}`);
}

const broken = (why: string): DefinitionError =>
  new DefinitionError(
    {},
    `${LOCK_FILE} cannot be read: ${why}`,
    'Take it from version control again; after a merge solve the conflict in favour of both entries.',
  );
