/** Members that a function may read; one that reads more is taken to loop for ever. */
const MOST_ASKED = 10_000;

const EMPTY: Readonly<Record<string, unknown>> = {};

const made = new WeakSet<object>();

/** A placeholder as text: it fits into a path, and is a number too. */
export const PLACEHOLDER_TEXT = '1';

/**
 * A value that stands for any other when a request function is tried: each of its members is one too, it can be called, and it
 * is text where text is wanted.
 */
export function placeholder(asked = { times: 0 }): Readonly<Record<string, unknown>> {
  const one = new Proxy(
    Object.assign(() => undefined, EMPTY),
    {
      get: (_, member) => {
        asked.times += 1;
        if (asked.times > MOST_ASKED) throw new Error('the function loops for ever');
        if (member === Symbol.toPrimitive) return () => PLACEHOLDER_TEXT;
        if (member === Symbol.iterator)
          return () => [placeholder(asked), placeholder(asked), placeholder(asked)].values();
        if (member === 'toString' || member === 'toJSON' || member === 'valueOf')
          return () => PLACEHOLDER_TEXT;
        return placeholder(asked);
      },
      apply: () => placeholder(asked),
      has: () => true,
    },
  );
  made.add(one);
  return one;
}

/** Whether a value is a placeholder. What checks the values of a request lets placeholders pass, so that targets are still found. */
export const isPlaceholder = (value: unknown): boolean => typeof value === 'function' && made.has(value);
