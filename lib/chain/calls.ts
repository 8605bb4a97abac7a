import type { RequestSpec, StepDefinition } from './definition.ts';

/**
 * The targets that a request step names for an input and for results about which nothing is known: its request function is
 * tried with values that stand for any other. Undefined where that does not tell, because the function looks into a value.
 * @example calledTargets(({ input }) => payments.post('/charges', { card: input.card })) // ['payments']
 */
export function calledTargets(
  request: NonNullable<StepDefinition['request']>,
): readonly string[] | undefined {
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

/** What a value is as text: it fits into a path, and is a number as well. */
const AS_TEXT = '1';

const EMPTY: Readonly<Record<string, unknown>> = {};

/** A value of which every member is such a value again, that may be called, and that is text where text is wanted. */
function anything(): Readonly<Record<string, unknown>> {
  return new Proxy(
    Object.assign(() => undefined, EMPTY),
    {
      get: (_, member) => {
        if (member === Symbol.toPrimitive) return () => AS_TEXT;
        if (member === Symbol.iterator) return () => [anything(), anything(), anything()].values();
        if (member === 'toString' || member === 'toJSON' || member === 'valueOf') return () => AS_TEXT;
        return anything();
      },
      apply: () => anything(),
      has: () => true,
    },
  );
}
