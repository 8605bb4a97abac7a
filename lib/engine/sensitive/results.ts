import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../state.ts';
import { leaves } from './leaves.ts';
import { seal, unseal } from './seal.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A completed step's item with the sensitive fields of its result sealed under the key that is erased with the sensitive input: from then on
 * nobody reads them, and no further write is needed. A workflow of an earlier release has no such key, and keeps them as they are.
 * @param chance 32 hexadecimal digits that nobody can guess, drawn if there is something to seal
 */
export function sealedRecord(
  record: StepRecord,
  { sensitive }: StepDefinition,
  { requestKey }: WorkflowMeta,
  chance: () => string,
): StepRecord {
  const { result } = record;
  if (sensitive.length === 0 || requestKey === undefined || !isFields(result)) return record;
  const [hidden, shown] = parted(result, sensitive);
  if (Object.keys(hidden).length === 0) return record;
  return { ...record, result: shown, sealed: seal(requestKey, record.step, hidden, chance()) };
}

/** The result of a completed step, whole. Errors: throws once its key was erased. */
export function resultOf({ step, result, sealed }: StepRecord, { requestKey }: WorkflowMeta): unknown {
  if (sealed === undefined) return result;
  if (requestKey === undefined) throw new Error(`the sensitive fields of the result of ${step} were erased`);
  return { ...(isFields(result) ? result : {}), ...Object(unseal(requestKey, step, sealed)) };
}

/** What of a completed step's result may be shown. */
export const shownResult = ({ result }: StepRecord, { sensitive }: StepDefinition): unknown =>
  sensitive.length > 0 && isFields(result) ? parted(result, sensitive)[1] : result;

/** The values of a result that must not be shown, as texts. */
export function secretsIn(result: unknown, { sensitive }: StepDefinition): readonly string[] {
  const found = new Set<string>();
  if (isFields(result) && sensitive.length > 0) leaves(parted(result, sensitive)[0], found);
  found.delete('');
  return [...found];
}

/** The same of all results of a workflow that can still be read. */
export const secretsInAll = (chain: ChainDefinition, { meta, steps }: WorkflowState): readonly string[] =>
  chain.steps.flatMap((step) => {
    const record = steps.get(step.name);
    const isGone = record?.sealed !== undefined && meta.requestKey === undefined;
    return record === undefined || isGone ? [] : secretsIn(resultOf(record, meta), step);
  });

/** Whether anything of a workflow's results is sensitive. */
export const hidesResults = ({ steps }: ChainDefinition): boolean =>
  steps.some(({ sensitive }) => sensitive.length > 0);

/** Those of `names`, and the others. `Object.fromEntries` keeps a field named `__proto__`. */
function parted(fields: Fields, names: readonly string[]): readonly [Fields, Fields] {
  const all = Object.entries(fields);
  return [
    Object.fromEntries(all.filter(([name]) => names.includes(name))),
    Object.fromEntries(all.filter(([name]) => !names.includes(name))),
  ];
}
