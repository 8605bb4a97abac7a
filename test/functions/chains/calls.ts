import type { ChainDefinition, RequestSpec } from '../../../lib/chain/index.ts';

/** Where a chain starts, and its steps with what each follows, its retries and its seconds. */
export const shapeOf = ({ start, steps }: ChainDefinition): readonly unknown[] => [
  start,
  ...steps.map(({ name, after, retries, timeout }) => [name, after, retries, timeout]),
];

/** What each step asks of its target, once those before it have returned their results. */
export const callsOf = (
  { steps }: ChainDefinition,
  context: { readonly input: unknown; readonly results: Readonly<Record<string, unknown>> },
): readonly (RequestSpec | undefined)[] =>
  steps.map(({ request }) => request?.({ ...context, idempotencyKey: 'key' }));

/** What a workflow shows with these results, none of them at first. */
export const shownBy = (
  { output }: ChainDefinition,
  results: Readonly<Record<string, unknown>> = {},
): unknown => output?.({ input: {}, results });
