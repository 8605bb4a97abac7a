import type { ChainDefinition } from '../lib/chain/definition.ts';
import type { OpenVersion } from '../lib/ops/open-workflows.ts';
import { openInWords } from './losses.ts';

/**
 * Of each version of each chain, what still needs it and when it may go: a line each.
 * @param open those with open workflows
 * @param chains all definitions of this project
 * @example
 * versionLines([], [orderProcessing])
 * // ['order-processing version 1: no open workflow. It is the newest: workflows begin with it.']
 */
export function versionLines(
  open: readonly OpenVersion[],
  chains: readonly ChainDefinition[],
): readonly string[] {
  const keyOf = (chain: string, version: number): string => `${chain} version ${version}`;
  const defined = new Set(chains.map(({ name, version }) => keyOf(name, version)));
  const newest = new Map<string, number>();
  for (const { name, version } of chains) newest.set(name, Math.max(version, newest.get(name) ?? 0));
  const needed = new Map(open.map((one) => [keyOf(one.chain, one.version), one]));
  const all = [
    ...chains.map(({ name, version }) => ({ chain: name, version })),
    ...open.filter(({ chain, version }) => !defined.has(keyOf(chain, version))),
  ].sort((a, b) => (a.chain === b.chain ? a.version - b.version : a.chain < b.chain ? -1 : 1));
  return all.map(({ chain, version }) => {
    const key = keyOf(chain, version);
    const one = needed.get(key);
    const needs = one === undefined ? 'no open workflow' : openInWords(one);
    return `${key}: ${needs}. ${adviceOn(one, defined.has(key), newest.get(chain) === version)}`;
  });
}

function adviceOn(open: OpenVersion | undefined, isDefined: boolean, isNewest: boolean): string {
  if (!isDefined) return 'It is not in functions/chains/index.ts: put it back, or cancel them.';
  if (isNewest) return 'It is the newest: workflows begin with it.';
  if (open === undefined)
    return 'It may go: take it out of functions/chains/index.ts, run npm run lock, and deploy.';
  const latest = new Date(open.expiresAt).toISOString().slice(0, 10);
  return `It may go once they have completed, were cancelled or taken back; the last of them expires on ${latest}.`;
}
