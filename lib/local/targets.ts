import { readFile } from 'node:fs/promises';
import { parseTargets, type TargetSettings } from '../adapters/targets/settings.ts';
import type { ChainDefinition } from '../chain/definition.ts';
import { didYouMean } from '../chain/suggest.ts';
import { OptionError, type Options } from './options.ts';

/** Where the calls of the chains go. */
export interface LocalTargets {
  readonly settings: TargetSettings;
  /** Targets that are pretended. */
  readonly demo: readonly string[];
}

/** The targets that the chains, their undos and their lookups call, in the order in which they name them; those that a definition does not show are not among them. */
export const targetsCalledBy = (chains: readonly ChainDefinition[]): readonly string[] => [
  ...new Set(callsIn(chains).flatMap(({ targets = [] }) => targets)),
];

/** The secrets that the code of the chains, and of their undos, reads. */
export const secretsReadBy = (chains: readonly ChainDefinition[]): readonly string[] => [
  ...new Set(callsIn(chains).flatMap(({ secrets }) => secrets)),
];

const callsIn = (chains: readonly ChainDefinition[]) =>
  chains.flatMap(({ steps }) =>
    steps.flatMap(({ targets, secrets, undo, lookup }) => [
      { targets, secrets },
      ...(undo === undefined ? [] : [undo]),
      ...(lookup === undefined ? [] : [{ targets: lookup.targets, secrets: [] }]),
    ]),
  );

/**
 * Decides which target of the chains is real and which is pretended: without a file all of them are demo targets; with one only those
 * that `--demo` names, so that a forgotten target is never taken for a real one.
 * Errors: `OptionError` for a file that cannot be read, and for targets that are in neither place, in both, or called by nobody;
 * `EngineError` `CONFIGURATION` for settings that are wrong.
 */
export async function settleTargets(
  chains: readonly ChainDefinition[],
  { targets: file, demo }: Pick<Options, 'targets' | 'demo'>,
): Promise<LocalTargets> {
  const called = targetsCalledBy(chains);
  if (file === undefined) return { settings: {}, demo: called };
  const settings = await readTargets(file);
  for (const name of demo) {
    if (Object.hasOwn(settings, name))
      throw new OptionError(`--demo names "${name}", which ${file} has already: leave it out of one of them`);
    if (!called.includes(name)) {
      throw new OptionError(
        `--demo names "${name}", which no chain calls. ${didYouMean(name, called)}The chains call ${listed(called)}`,
      );
    }
  }
  const missing = called.filter((name) => !Object.hasOwn(settings, name) && !demo.includes(name));
  if (missing.length === 0) return { settings, demo };
  const meant = missing.map((name) => didYouMean(name, Object.keys(settings))).join('');
  throw new OptionError(
    `${file} does not say where ${listed(missing)} ${missing.length === 1 ? 'is' : 'are'}. ${meant}` +
      `Add each with its baseUrl, or let demo targets stand in: --demo ${[...demo, ...missing].join(',')}`,
  );
}

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

async function readTargets(file: string): Promise<TargetSettings> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new OptionError(`--targets names ${file}, which cannot be read`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new OptionError(
      `--targets: ${file} is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  return parseTargets(json, process.env);
}
