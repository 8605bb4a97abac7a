import { LIMITS } from '../contract/limits.ts';
import type { StepDefinition } from './definition.ts';
import { keyUseOf } from './request/key.ts';
import { PLACEHOLDER_TEXT, placeholder } from './request/placeholder.ts';
import { requestOf } from './request/returned.ts';

type Request = NonNullable<StepDefinition['request']>;

/** What a request function shows of its targets. */
export interface Called {
  readonly targets: readonly string[];
  /** How long they remember an idempotency key at least, in seconds; 0 where one of them takes none. */
  readonly keyLifetime: number;
  /** For how many seconds after the deadline of a call they may still act on it at most. */
  readonly lateBy: number;
}

/**
 * The targets that a request function calls, found by calling it once with placeholders for its input and results. Undefined
 * where that does not show all of them: the function inspects a value; or its source text calls several targets, so that a
 * value may decide between them; or none, as it leaves the call to another function, which may decide in its turn.
 * @example calledTargets(({ input }) => payments.post('/charges', { card: input.card })) // { targets: ['payments'], keyLifetime: 86400, lateBy: 60 }
 */
export function calledTargets(request: Request): Called | undefined {
  if (!showsOne(request)) return undefined;
  try {
    const context = {
      input: placeholder(),
      results: placeholder(),
      idempotencyKey: PLACEHOLDER_TEXT,
      // Of an undo.
      undone: { result: placeholder(), idempotencyKey: PLACEHOLDER_TEXT },
    };
    const { target, idempotency, lateBy = LIMITS.lateBy } = requestOf(request(context));
    return { targets: [target], keyLifetime: keyUseOf(idempotency).lifetime, lateBy };
  } catch {
    return undefined;
  }
}

/** Calls of a target's methods, with what stands before the dot: a name, or the end of an expression. */
const CALL = /([\w$]+|[)\]])\s*\??\.\s*(?:get|post|put|patch|delete)\s*\(/g;

/** A target that is made where it is called. A transpiler may write `(0, module.target)('x')`. */
const MADE_HERE = /\btarget\)?\(\s*['"`]([^'"`]+)['"`]\s*\)/g;

/** One call shows one target; only the source text shows whether there are others. */
function showsOne(request: Request): boolean {
  const text = String(request).replace(MADE_HERE, '$1');
  const receivers = new Set([...text.matchAll(CALL)].map(([, receiver]) => receiver));
  if (receivers.has(')') || receivers.has(']')) return false;
  return receivers.size === 1 || (receivers.size === 0 && WRITTEN_OUT.test(text));
}

/** A request that is written out, as `target().post` would make it. */
const WRITTEN_OUT = /\btarget\s*:\s*['"`]/;
