import type { RequestSpec, StepDefinition } from './definition.ts';

type Request = NonNullable<StepDefinition['request']>;

/**
 * The targets that a request step names, whatever its input and results are: its request function is tried with values that
 * stand for any other. Undefined where that does not tell: the function looks into a value, or its text speaks of several
 * targets, between which a value may decide.
 * @example calledTargets(({ input }) => payments.post('/charges', { card: input.card })) // ['payments']
 */
export function calledTargets(request: Request): readonly string[] | undefined {
  if (speaksOfSeveral(request)) return undefined;
  try {
    return targetOf(request({ input: anything(), results: anything() }));
  } catch {
    return undefined;
  }
}

/** The function is a caller's: what it returns may be anything. */
function targetOf(spec: Partial<RequestSpec> | undefined): readonly string[] | undefined {
  return typeof spec?.target === 'string' ? [spec.target] : undefined;
}

/** Calls of a target's methods, with what stands before the dot: a name, or the end of an expression. */
const CALL = /([\w$]+|[)\]])\s*\??\.\s*(?:get|post|put|patch|delete)\s*\(/g;

/** A target that is made where it is called. A transpiler may write `(0, module.target)('x')`. */
const MADE_HERE = /\btarget\)?\(\s*['"`]([^'"`]+)['"`]\s*\)/g;

/** A value that decides between targets cannot be seen by trying: only the text shows that there are others. */
function speaksOfSeveral(request: Request): boolean {
  const text = String(request).replace(MADE_HERE, '$1');
  const receivers = new Set([...text.matchAll(CALL)].map(([, receiver]) => receiver));
  return receivers.size > 1 || receivers.has(')') || receivers.has(']');
}

/** What a value is as text: it fits into a path, and is a number as well. */
const AS_TEXT = '1';

/** Members that one value may be asked for; beyond them the function goes round in it and finds no end. */
const MOST_ASKED = 10_000;

const EMPTY: Readonly<Record<string, unknown>> = {};

/** A value of which every member is such a value again, that may be called, and that is text where text is wanted. */
function anything(asked = { times: 0 }): Readonly<Record<string, unknown>> {
  return new Proxy(
    Object.assign(() => undefined, EMPTY),
    {
      get: (_, member) => {
        asked.times += 1;
        if (asked.times > MOST_ASKED) throw new Error('the function finds no end');
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
