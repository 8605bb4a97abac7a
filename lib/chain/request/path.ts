import { isPlaceholder } from './placeholder.ts';
import { named, type Scalar, scalarText } from './scalar.ts';

/** A path whose values are encoded; `path` makes it. */
export class Path {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** As it is sent, after the base URL of the target. */
  get text(): string {
    return this.#text;
  }
}

/**
 * A path with values in it. It encodes every value with `encodeURIComponent`: a value is never more than one segment.
 * Errors: `TypeError` for a value that is no text, number or boolean, for an empty one, and for one that is or holds a segment "."
 * or "..": these lead to another resource. Also for what a plain path may not hold. In a workflow that is `REQUEST_INVALID`.
 * @example payments.post(path`/charges/${results.charge.id}/capture`)
 */
export function path(parts: TemplateStringsArray, ...values: readonly Scalar[]): Path {
  if (!Array.isArray(parts)) {
    throw new TypeError(
      `path is called with ${named(parts)}: write it before a template, as in path\`/charges/\${id}\``,
    );
  }
  const pattern = parts.reduce((before, part, index) => `${before}{${index}}${part}`);
  const refuse = (problem: string): never => {
    throw new TypeError(`path: "${pattern}" ${problem}`);
  };
  if (parts.slice(0, -1).some((part) => part.includes('?'))) {
    refuse('has a value behind "?"; write the query as an option: { query: { limit: 10 } }');
  }
  if (parts.slice(0, -1).some((part) => /%.?$/.test(part))) {
    refuse('has a value within "%…"; write the whole character, as path encodes values itself');
  }
  const text = parts.reduce((before, part, index) => {
    const value = values[index - 1];
    const problem = valueProblem(value);
    if (problem !== undefined) refuse(`has a value {${index}} that ${problem}`);
    return before + encodeURIComponent(scalarText(value) ?? '') + part;
  });
  // What is written out may hold no more than a plain path; with its values it must not lead elsewhere either.
  const problem = pathProblem(parts.join('1')) ?? dotProblem(text);
  if (problem !== undefined) refuse(problem);
  return new Path(text);
}

function valueProblem(value: unknown): string | undefined {
  if (isPlaceholder(value)) return undefined;
  const text = scalarText(value);
  if (text === undefined) return `is ${named(value)}, not text, a number or a boolean`;
  if (text === '') return 'is empty, which leads to another resource';
  if (!text.isWellFormed()) return 'is not well-formed text: it holds half of a surrogate pair';
  const segments = text.split(/[/\\]/);
  return segments.some((one) => DOT_VALUE.test(one))
    ? 'is or holds a "." or ".." segment, which leads to another resource'
    : undefined;
}

const DOT_VALUE = /^\.{1,2}(?:;.*)?$/s;

/** Returns the text of a path. Errors: `TypeError`, which begins with `call`. */
export function checkedPath(call: string, path: unknown): string {
  if (path instanceof Path) return path.text;
  const problem = typeof path === 'string' ? pathProblem(path) : NO_SLASH;
  if (typeof path === 'string' && problem === undefined) return path;
  // Not cut: half of a sensitive value could not be masked.
  throw new TypeError(`${call}: the path ${typeof path === 'string' ? `"${path}"` : named(path)} ${problem}`);
}

const NO_SLASH = 'does not begin with "/"; write the base URL in the settings of the target';
const ENCODE = `write path\`/charges/\${id}\`, which encodes each value`;

function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return NO_SLASH;
  // A space, a control character or `#` would end or change the URL.
  if (/[\s#\\\p{Cc}]/u.test(path)) return `has a space, "#", "\\" or a control character; ${ENCODE}`;
  // Some servers decode them before they look for "..": `..%2fadmin`.
  if (/^[^?]*%(?:2f|5c)/i.test(path)) return `has an encoded "/" or "\\"; ${ENCODE}`;
  return dotProblem(path);
}

/** Some servers cut what follows `;` off a segment: `..;/admin`. */
const DOT_SEGMENT = /(?:\/|%2f|%5c)(?:\.|%2e){1,2}(?:(?:;|%3b)[^/?]*)?(?:\/|%2f|%5c|\?|$)/i;

/** A value such as ".." from the input would lead to another resource than the one that was meant. */
const dotProblem = (path: string): string | undefined =>
  DOT_SEGMENT.test(path)
    ? 'has a "." or ".." segment, which leads to another resource; check the value before you use it'
    : undefined;
