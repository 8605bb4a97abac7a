import { HEADER_VALUE, headerProblem, NOT_ALLOWED } from '../../contract/headers.ts';
import { contradiction } from './body.ts';
import { isPlaceholder } from './placeholder.ts';
import { named, scalarText } from './scalar.ts';

/**
 * Returns the headers of a request by their names in lower case; one whose value is undefined is left out.
 * Errors: `TypeError`, which begins with `target` and names the header, never its value.
 */
export function checkedHeaders(
  target: string,
  headers: Readonly<Record<string, unknown>>,
  body: unknown,
): Record<string, string> {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([name, value]) => {
      const text = scalarText(value);
      const problem = headerProblem(name) ?? valueProblem(name, text, value, body);
      if (problem !== undefined)
        throw new TypeError(`${target}: the header "${name}" cannot be sent: ${problem}`);
      return [name.toLowerCase(), text ?? ''];
    }),
  );
}

function valueProblem(
  name: string,
  text: string | undefined,
  value: unknown,
  body: unknown,
): string | undefined {
  if (text === undefined) return `it is ${named(value)}, not text`;
  if (!HEADER_VALUE.test(text))
    return `${NOT_ALLOWED}; write encodeURIComponent(…) where the target decodes it`;
  if (name.toLowerCase() !== 'content-type' || isPlaceholder(value)) return undefined;
  const problem = contradiction(body, text);
  return problem === undefined ? undefined : `"${text}" ${problem}`;
}
