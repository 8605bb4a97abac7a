import { isDeepStrictEqual } from 'node:util';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { harmful, type Problem } from './shadow.ts';

type Input = WorkflowMeta['input'];

/** What no write of META may change. */
const CONSTANT = [
  ...['tenant', 'workflowId', 'chain', 'version', 'shape', 'onFailure', 'createdAt', 'expiresAt'],
] as const satisfies readonly (keyof WorkflowMeta)[];

/** Nothing will need its sensitive input any more. */
export const isOver = ({ status }: Pick<WorkflowMeta, 'status'>): boolean =>
  status === 'completed' || status === 'cancelled' || status === 'compensated';

/**
 * What is wrong with the fields of a write of META that stay as they were begun: its input loses the sensitive fields, and its
 * fingerprint the seal, at the end and not before.
 * @param before the META that it takes the place of; as long as each write is right, what it began with
 */
export function constantProblems(
  before: WorkflowMeta,
  meta: WorkflowMeta,
  sensitive: readonly string[],
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (why: string): number =>
    problems.push(harmful(`META that is ${meta.status} was written with ${why}`));
  const held = (name: string, was: unknown, is: unknown): void => {
    if (!isAlike(was, is)) refuse(`its ${name} ${JSON.stringify(is)}, not ${JSON.stringify(was)}`);
  };
  for (const name of CONSTANT) held(name, before[name], meta[name]);
  const hasEnded = isOver(meta);
  if (hasEnded !== (meta.erased === true)) refuse(hasEnded ? 'nothing erased' : 'its sensitive input erased');
  held('fingerprint', before.fingerprint?.open, meta.fingerprint?.open);
  // The seal is a key and a hash of the whole input: who has both can try what the erased fields were.
  held('seal', hasEnded ? undefined : before.fingerprint?.sealed, meta.fingerprint?.sealed);
  const kept = hasEnded ? without(before.input, sensitive) : before.input;
  // A cancel that does not know which fields are sensitive erases them all.
  const isEmptied = meta.status === 'cancelled' && Object.keys(meta.input).length === 0;
  if (!isEmptied) held('input', kept, meta.input);
  return problems;
}

const without = (input: Input, names: readonly string[]): Input =>
  Object.fromEntries(Object.entries(input).filter(([name]) => !names.includes(name)));

/** As JSON, where a property that is undefined is none. */
export function isAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const [one, other] = [JSON.stringify(a), JSON.stringify(b)];
  // Most are alike to the letter; the others may differ in the order of properties alone.
  return one === other || isDeepStrictEqual(JSON.parse(one), JSON.parse(other));
}
