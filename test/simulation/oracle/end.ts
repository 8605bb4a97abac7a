import { isDeepStrictEqual } from 'node:util';
import { DAY_MS, LIMITS } from '../../../lib/contract/limits.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowState } from '../../../lib/engine/state.ts';
import { isOver } from './constants.ts';
import type { Shadow } from './shadow.ts';

/** What is wrong with a workflow once everything has come to rest. */
export async function endProblems(store: Store, shadow: Shadow, alarmed: boolean): Promise<string[]> {
  const state = await store.load(shadow.meta);
  const problem = difference(state, shadow);
  return [
    ...statusProblems(shadow, alarmed),
    ...(problem === undefined ? [] : [`the table holds ${problem}`]),
    ...(isKept(shadow, state) ? [`a workflow that is ${shadow.meta.status} keeps a sensitive value`] : []),
  ];
}

function statusProblems({ meta, chain, effects, mustTell }: Shadow, alarmed: boolean): string[] {
  const problems: string[] = [];
  for (const id of mustTell) problems.push(`on-call was never told ${id}`);
  if (meta.status === 'processing' || meta.status === 'compensating') {
    if (!alarmed) problems.push(`${meta.workflowId} is still ${meta.status}, and nothing tells of it`);
    return problems;
  }
  // Of one that has failed the reconciler has its sensitive input to erase, and of the others nothing.
  const isLeft = meta.status === 'failed' || meta.status === 'compensation_failed';
  const keeps = isLeft && chain.sensitive.some((name) => Object.hasOwn(meta.input, name));
  const due = keeps ? meta.updatedAt + chain.keepFailed * DAY_MS : undefined;
  // A function that does not know the chain takes all input for sensitive.
  const most = isLeft ? meta.updatedAt + LIMITS.keepFailed * DAY_MS : undefined;
  if (meta.dueAt !== due && meta.dueAt !== most)
    problems.push(`a workflow that is ${meta.status} is due at ${meta.dueAt}, not at ${due}`);
  if (meta.notify !== undefined) problems.push('a notification is left pending');
  for (const { name } of chain.steps) {
    if (meta.status === 'completed' && (effects.get(name)?.size ?? 0) === 0) {
      problems.push(`the workflow is completed, and ${name} never took effect`);
    }
  }
  return problems;
}

/** Whether any item of a workflow that is completed or cancelled holds its sensitive value. */
function isKept({ meta, chain, card }: Shadow, state: WorkflowState | undefined): boolean {
  return isOver(meta) && chain.sensitive.length > 0 && textOf(state).includes(card);
}

/** What tells a state from what the writes say; undefined if nothing does. */
export function difference(
  state: WorkflowState | undefined,
  shadow: Pick<Shadow, 'meta' | 'steps' | 'undos' | 'lookups'>,
): string | undefined {
  const theirs = textOf(state);
  const ours = textOf(shadow);
  // Most are alike to the letter; the others may differ in the order of properties alone.
  if (theirs === ours || isDeepStrictEqual(JSON.parse(theirs), JSON.parse(ours))) return undefined;
  return `${theirs}, and its writes say ${ours}`;
}

/** As JSON, where a property that is undefined is none. */
const textOf = (state: WorkflowState | undefined): string =>
  JSON.stringify(
    state === undefined
      ? null
      : [state.meta, inOrder(state.steps), inOrder(state.undos), inOrder(state.lookups)],
  );
const inOrder = (records: ReadonlyMap<string, StepRecord> = new Map()): readonly StepRecord[] =>
  [...records.values()].sort(byStep);
const byStep = (a: StepRecord, b: StepRecord): number => (a.step < b.step ? -1 : 1);
