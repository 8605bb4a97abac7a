import { inspect } from 'node:util';

/** Errors behind an error that are shown: Node’s fetch says why it failed in the first. */
const MOST_CAUSES = 3;

/**
 * What was thrown, and why, in words: never empty, whatever it was. It may hold secrets.
 * @example thrownText(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })) // 'fetch failed: connect ECONNREFUSED'
 */
export function thrownText(thrown: unknown): string {
  const words = [wordsOf(thrown)];
  let cause = causeOf(thrown);
  while (cause !== undefined && words.length <= MOST_CAUSES) {
    words.push(wordsOf(cause));
    cause = causeOf(cause);
  }
  return words.join(': ');
}

const causeOf = (thrown: unknown): unknown =>
  thrown instanceof Error ? (thrown.cause ?? undefined) : undefined;

function wordsOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown.trim() === '' ? 'an empty text was thrown' : thrown;
  if (thrown instanceof AggregateError && thrown.message === '') return severalOf(thrown);
  if (thrown instanceof Error) return String(thrown.message) || `${thrown.name} without a message`;
  return inspect(thrown, { breakLength: Number.POSITIVE_INFINITY, customInspect: false });
}

/** A host with several addresses: each of them failed. */
function severalOf({ name, errors }: AggregateError): string {
  const messages = errors.map((error) => (error instanceof Error ? error.message : '')).filter(Boolean);
  return messages.length === 0 ? `${name} without a message` : messages.join(', ');
}
