import { isDeepStrictEqual } from 'node:util';
import type { ChainDefinition } from '../definition.ts';
import { DefinitionError } from '../definition-error.ts';
import { type Shape, shapeOf } from '../shape.ts';
import { differences } from './differences.ts';
import { LOCK_FILE, type Lock, type LockedChain, lockedChainOf } from './lock.ts';

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
  /** Of each that has other steps than workflows of its version may have begun with: what differs, and what to write. */
  readonly changed: readonly string[];
  /** A line for each schema that is another one. */
  readonly schemas: readonly string[];
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
    changed: pairs.flatMap(({ chain, locked }) => shapeProblem(chain, locked, newestOf(lock, chains, chain))),
    schemas: pairs.flatMap(({ chain, locked }) => schemaNotes(chain, locked)),
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

function shapeProblem(
  chain: ChainDefinition,
  locked: LockedChain | undefined,
  newest: number,
): readonly string[] {
  const shape = shapeOf(chain);
  if (locked === undefined || isDeepStrictEqual(locked.shape, shape)) return [];
  const { name, version } = chain;
  const lines = shapeDifferences(locked.shape, shape).map((line) => `  ${line}\n`);
  const { message } = new DefinitionError(
    { chain: name },
    `version ${version} has other steps than ${LOCK_FILE} holds, and workflows may have begun with those:\n${lines.join('')}Running workflows of another definition would wait`,
    `Write version: ${newest + 1} in the changed chain, list the definition of version ${version} beside it as it was, and run npm run lock. If no workflow of version ${version} was ever started on a stage, delete its entry from ${LOCK_FILE} instead.`,
  );
  return [message];
}

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
    ];
  });
  const keys = was.key === is.key ? [] : [`idempotency keys are ${is.key}, and were ${was.key}`];
  return [...lines, ...keys];
}

const listed = (names: readonly string[]): string =>
  names.length === 0 ? 'nothing' : names.map((name) => `"${name}"`).join(', ');

function schemaNotes(chain: ChainDefinition, locked: LockedChain | undefined): readonly string[] {
  if (locked === undefined) return [];
  const { input, responses } = lockedChainOf(chain).schemas;
  const stays = chain.steps.map(({ name }) => name).filter((name) => Object.hasOwn(locked.shape.steps, name));
  const pairs = [
    { what: 'the input', was: locked.schemas.input, is: input },
    ...stays.map((step) => ({
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
