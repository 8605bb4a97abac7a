import { isDeepStrictEqual } from 'node:util';
import type { ChainDefinition } from '../definition.ts';
import { DefinitionError } from '../definition-error.ts';
import { type Shape, shapeOf } from '../shape.ts';
import { differences } from './differences.ts';
import { LOCK_FILE, type Lock, type LockedChain, lockedChainOf } from './lock.ts';
import { undosChanged, undosGone, undosOf } from './undos.ts';

/** One version of a chain. */
export interface VersionName {
  readonly chain: string;
  readonly version: number;
}

/** @example inWords([{ chain: 'refunds', version: 2 }]) // 'refunds version 2' */
export const inWords = (names: readonly VersionName[]): string =>
  names.map(({ chain, version }) => `${chain} version ${version}`).join(', ');

/** How definitions differ from what the lock holds of them. What it does not hold is free to change. */
export interface Comparison {
  /** Of each that has other steps than workflows of its version may have begun with, or lacks an undo: what differs, and what to write. */
  readonly changed: readonly string[];
  /** A line for each other difference, of schemas, undos and `onFailure`: `npm run lock` takes it. */
  readonly notes: readonly string[];
  /** Definitions that the lock does not hold. */
  readonly unlocked: readonly VersionName[];
  /** Entries of the lock without a definition. */
  readonly gone: readonly VersionName[];
}

/** Lines that are shown of one difference. */
const MOST_LINES = 6;

/** @example compareWithLock(readLock(text), chains).changed // [] */
export function compareWithLock(lock: Lock, chains: readonly ChainDefinition[]): Comparison {
  const pairs = chains.map((chain) => ({ chain, locked: entryOf(lock, nameOf(chain)) }));
  return {
    changed: pairs.flatMap(({ chain, locked }) => problemOf(chain, locked, newestOf(lock, chains, chain))),
    notes: pairs.flatMap(({ chain, locked }) => notesOf(chain, locked)),
    unlocked: pairs.filter(({ locked }) => locked === undefined).map(({ chain }) => nameOf(chain)),
    gone: namesIn(lock).filter(
      (one) => !chains.some(({ name, version }) => name === one.chain && version === one.version),
    ),
  };
}

const nameOf = ({ name, version }: ChainDefinition): VersionName => ({ chain: name, version });

const entryOf = (lock: Lock, { chain, version }: VersionName): LockedChain | undefined =>
  Object.hasOwn(lock.chains, chain) ? lock.chains[chain]?.[version] : undefined;

const namesIn = ({ chains }: Lock): readonly VersionName[] =>
  Object.entries(chains).flatMap(([chain, versions]) =>
    Object.keys(versions).map((version) => ({ chain, version: Number(version) })),
  );

const newestOf = (lock: Lock, chains: readonly ChainDefinition[], { name }: ChainDefinition): number =>
  Math.max(
    ...[...namesIn(lock), ...chains.map(nameOf)]
      .filter(({ chain }) => chain === name)
      .map(({ version }) => version),
  );

function problemOf(
  chain: ChainDefinition,
  locked: LockedChain | undefined,
  newest: number,
): readonly string[] {
  if (locked === undefined) return [];
  const shape = shapeOf(chain);
  const gone = undosGone(locked.undos ?? {}, undosOf(chain), staying(locked, chain));
  const isOther = !isDeepStrictEqual(locked.shape, shape);
  if (!isOther && gone.length === 0) return [];
  const { name, version } = chain;
  const { what, why, write } = isOther ? OTHER_STEPS : NO_UNDO;
  const lines = [...(isOther ? shapeDifferences(locked.shape, shape) : []), ...gone];
  const { message } = new DefinitionError(
    { chain: name },
    `version ${version} ${what}:\n${lines.map((line) => `  ${line}\n`).join('')}${why}`,
    `${write} version: ${newest + 1} in the changed chain, list the definition of version ${version} beside it as it was, and run npm run lock. If no workflow of version ${version} was ever started on a stage, delete its entry from ${LOCK_FILE} instead.`,
  );
  return [message];
}

const OTHER_STEPS = {
  what: `has other steps than ${LOCK_FILE} holds, and workflows may have begun with those`,
  why: 'Running workflows of another definition would wait',
  write: 'Write',
} as const;

const NO_UNDO = {
  what: `lacks an undo that ${LOCK_FILE} holds, and workflows may have begun that are taken back by it`,
  why: 'What the step did would stand in a workflow that is compensated',
  write: 'Write the undo again: it may be another one, and of another kind. Or write',
} as const;

/** Steps that both definitions have. */
const staying = (locked: LockedChain, { steps }: ChainDefinition): readonly string[] =>
  steps.map(({ name }) => name).filter((name) => Object.hasOwn(locked.shape.steps, name));

/** @example shapeDifferences(was, is) // ['step "parcel" is new', 'step "mail" follows "parcel", and followed "shipment"'] */
function shapeDifferences(was: Shape, is: Shape): readonly string[] {
  const names = [...new Set([...Object.keys(was.steps), ...Object.keys(is.steps)])].sort();
  const lines = names.flatMap((name) => {
    const [before, now] = [was.steps[name], is.steps[name]];
    if (before === undefined) return [`step "${name}" is new`];
    if (now === undefined) return [`step "${name}" is gone`];
    return [
      ...(before.kind === now.kind ? [] : [`step "${name}" has ${now.kind}, and had ${before.kind}`]),
      ...(isDeepStrictEqual(before.after, now.after)
        ? []
        : [`step "${name}" follows ${listed(now.after)}, and followed ${listed(before.after)}`]),
      ...(before.pivot === now.pivot
        ? []
        : [`step "${name}" is ${now.pivot ? 'the pivot, and was not' : 'not the pivot, and was'}`]),
    ];
  });
  const keys = was.key === is.key ? [] : [`idempotency keys are ${is.key}, and were ${was.key}`];
  return [...lines, ...keys];
}

const listed = (names: readonly string[]): string =>
  names.length === 0 ? 'nothing' : names.map((name) => `"${name}"`).join(', ');

function notesOf(chain: ChainDefinition, locked: LockedChain | undefined): readonly string[] {
  if (locked === undefined) return [];
  return [...schemaNotes(chain, locked), ...undoNotes(chain, locked)];
}

function undoNotes(chain: ChainDefinition, locked: LockedChain): readonly string[] {
  const version = `${chain.name} version ${chain.version}`;
  const was = locked.onFailure ?? 'stop';
  return [
    ...undosChanged(locked.undos ?? {}, undosOf(chain)).map(
      (line) =>
        `${version}: ${line}. npm run lock takes it; workflows that began before are taken back by it, too.`,
    ),
    ...(chain.onFailure === was
      ? []
      : [
          `${version}: onFailure is "${chain.onFailure}", and was "${was}". npm run lock takes it; workflows that began before keep what they began with.`,
        ]),
  ];
}

function schemaNotes(chain: ChainDefinition, locked: LockedChain): readonly string[] {
  const { input, responses } = lockedChainOf(chain).schemas;
  const pairs = [
    { what: 'the input', was: locked.schemas.input, is: input },
    ...staying(locked, chain).map((step) => ({
      what: `the response of step "${step}"`,
      was: locked.schemas.responses[step],
      is: responses[step],
    })),
  ];
  return pairs.flatMap(({ what, was, is }) => {
    const lines =
      was === undefined
        ? ['it had none']
        : is === undefined
          ? ['it has none now']
          : differences(was, is, MOST_LINES);
    if (was === is || lines.length === 0) return [];
    return [
      `${chain.name} version ${chain.version}: ${what} has another schema than ${LOCK_FILE} holds (${lines.join('; ')}). npm run lock takes it; results saved before are not checked again.`,
    ];
  });
}
