import type { StepDefinition } from './definition.ts';
import { placeholder } from './request/placeholder.ts';
import { requestOf } from './request/returned.ts';

type Request = NonNullable<StepDefinition['request']>;

/** What a request function shows of its targets. */
export interface Called {
  readonly targets: readonly string[];
  /** In seconds; undefined where the target says nothing of it. */
  readonly keyLifetime: number | undefined;
}

/**
 * The targets that a request function calls, found by calling it once with placeholders for its input and results. Undefined
 * where that does not show all of them: the function inspects a value, or its source text calls several targets, so that a
 * value may decide between them.
 * @example calledTargets(({ input }) => payments.post('/charges', { card: input.card })) // { targets: ['payments'], keyLifetime: undefined }
 */
export function calledTargets(request: Request): Called | undefined {
  if (speaksOfSeveral(request)) return undefined;
  try {
    const { target, keyLifetime } = requestOf(request({ input: placeholder(), results: placeholder() }));
    return { targets: [target], keyLifetime };
  } catch {
    return undefined;
  }
}

/** Calls of a target's methods, with what stands before the dot: a name, or the end of an expression. */
const CALL = /([\w$]+|[)\]])\s*\??\.\s*(?:get|post|put|patch|delete)\s*\(/g;

/** A target that is made where it is called. A transpiler may write `(0, module.target)('x')`. */
const MADE_HERE = /\btarget\)?\(\s*['"`]([^'"`]+)['"`]\s*\)/g;

/** One call shows one target; only the source text shows whether there are others. */
function speaksOfSeveral(request: Request): boolean {
  const text = String(request).replace(MADE_HERE, '$1');
  const receivers = new Set([...text.matchAll(CALL)].map(([, receiver]) => receiver));
  return receivers.size > 1 || receivers.has(')') || receivers.has(']');
}
