import type { Undone } from '../../chain/definition.ts';
import { ancestors, findStep } from '../../chain/graph.ts';
import { idempotencyKey } from '../../contract/names.ts';
import type { Place } from '../decision.ts';
import { secretsOf } from '../mask.ts';
import type { Failure } from '../outcome.ts';
import { frozen } from '../sensitive/frozen.ts';
import { resultOf, secretsIn } from '../sensitive/results.ts';
import { type Building, type Built, buildRequest } from './build.ts';

/** The idempotency key of a round. */
export const keyOf = ({ state, step, action }: Place, round: number): string =>
  idempotencyKey({ workflowId: state.meta.workflowId, step: step.name, action, round });

/** What a `request` step would send in a round. */
export function build(at: Place, round: number, seenBy: SeenBy): Built | undefined {
  const { step, state } = at;
  const seen = seenBy(at);
  if (seen.failure !== undefined) return { failure: seen.failure };
  if (step.request === undefined) return undefined;
  const { requestKey } = state.meta;
  return buildRequest({ step, ...seen, idempotencyKey: keyOf(at, round), requestKey });
}

export interface Seen extends Pick<Building, 'context' | 'secrets'> {
  /** Why an undo, or a lookup, cannot be told what it undoes, or asks for. */
  readonly failure?: Failure;
}
/** What a step may see. The same for the request that is built and for its call: sealed results are opened once. */
export type SeenBy = (at: Place) => Seen;

/** Looks once at a place. */
export function looking(): SeenBy {
  let last: { readonly at: Place; readonly seen: Seen } | undefined;
  return (at) => {
    if (last?.at !== at) last = { at, seen: lookAt(at) };
    return last.seen;
  };
}

/** What a step may see, which its code cannot change: the input and the results of the steps before it. And what of that nobody else may. */
function lookAt(at: Place): Seen {
  const { chain, step, action } = at;
  const context = frozen(contextAt(at));
  const { input, results } = context;
  const result = action === 'undo' ? resultAt(at) : undefined;
  const secrets = (): readonly string[] => [
    ...secretsOf(input, chain.sensitive),
    ...chain.steps.flatMap((one) => secretsIn(one.name === step.name ? result : results[one.name], one)),
  ];
  if (action !== 'undo') return { context, secrets };
  const { key: idempotencyKey, failure } = keySent(at, context, secrets);
  const undone: Undone = { result, idempotencyKey };
  const seen = { context: frozen({ ...context, undone }), secrets };
  return failure === undefined ? seen : { ...seen, failure };
}

/** What the step stored; undefined where nobody knows whether it acted. */
function resultAt({ step, state: { meta, steps } }: Place): unknown {
  const record = steps.get(step.name);
  return record?.status === 'completed' ? resultOf(record, meta) : undefined;
}

function contextAt({ chain, step, state: { meta, steps } }: Place): Building['context'] {
  const before = ancestors(chain, step.name);
  const results: Record<string, unknown> = {};
  for (const { name } of before.size === 0 ? [] : chain.steps) {
    const record = before.has(name) ? steps.get(name) : undefined;
    if (record?.status === 'completed') results[name] = resultOf(record, meta);
  }
  return { input: meta.input, results };
}

/** The key that the call of a step had, as it was sent, which is to be taken back. */
export const undoneKey = (at: Place): string => keySent(at, frozen(contextAt(at)), () => []).key;

/**
 * The key that the call of a step had, as it was sent. It is found as it was made: by the request, which says how its target writes it. `failure`: why
 * that cannot be told any more.
 */
export function keySent(
  { chain, step, state }: Place,
  context: Building['context'],
  secrets: Building['secrets'],
): { readonly key: string } & Pick<Seen, 'failure'> {
  const done = findStep(chain, step.name);
  const round = state.steps.get(step.name)?.round ?? 0;
  const key = keyOf({ chain, step, state, action: 'do' }, round);
  if (done?.request === undefined) return { key };
  const built = buildRequest({
    step: done,
    context,
    secrets,
    idempotencyKey: key,
    requestKey: undefined,
  });
  if (!('failure' in built)) return { key: built.key };
  // It would ask its target for a key that was never sent, and be told that there is nothing.
  const failure: Failure = {
    code: 'REQUEST_INVALID',
    message: `the key that the call of step "${step.name}" had cannot be told, as its request cannot be built any more: ${built.failure.message}`,
    next: `Correct the request function of the step ${step.name} itself, and deploy.`,
    retriable: false,
    acted: 'no',
  };
  return { key, failure };
}
