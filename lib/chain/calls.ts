import type { RequestSpec, StepDefinition } from './definition.ts';

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
    return targetOf(request({ input: anything(), results: anything() }));
  } catch {
    return undefined;
  }
}

/** The function is the user's: it may return anything. */
function targetOf(spec: Partial<RequestSpec> | undefined): Called | undefined {
  return typeof spec?.target === 'string'
    ? { targets: [spec.target], keyLifetime: spec.keyLifetime }
    : undefined;
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

/** A placeholder as text: it fits into a path, and is a number too. */
const AS_TEXT = '1';

/** Members that a function may read; one that reads more is taken to loop for ever. */
const MOST_ASKED = 10_000;

const EMPTY: Readonly<Record<string, unknown>> = {};

/** A placeholder: each of its members is one too, it can be called, and it is text where text is wanted. */
function anything(asked = { times: 0 }): Readonly<Record<string, unknown>> {
  return new Proxy(
    Object.assign(() => undefined, EMPTY),
    {
      get: (_, member) => {
        asked.times += 1;
        if (asked.times > MOST_ASKED) throw new Error('the function loops for ever');
        if (member === Symbol.toPrimitive) return () => AS_TEXT;
        if (member === Symbol.iterator)
          return () => [anything(asked), anything(asked), anything(asked)].values();
        if (member === 'toString' || member === 'toJSON' || member === 'valueOf') return () => AS_TEXT;
        return anything(asked);
      },
      apply: () => anything(asked),
      has: () => true,
    },
  );
}
