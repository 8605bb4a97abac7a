import type { RequestSpec } from '../definition.ts';
import { named } from './scalar.ts';

/**
 * What a request function returned, if it is a request: the function is the user's, and may return anything.
 * Errors: `TypeError`, which says what it returned and what to write. A promise is not waited for.
 */
export function requestOf(returned: unknown): RequestSpec {
  if (isRequest(returned)) return returned;
  // One that is rejected, and that nobody waits for, would end the process.
  if (returned instanceof Promise) returned.catch(() => undefined);
  throw new TypeError(`the request function returned ${problemOf(returned)}`);
}

const isRequest = (value: unknown): value is RequestSpec =>
  typeof value === 'object' &&
  value !== null &&
  'target' in value &&
  typeof value.target === 'string' &&
  'method' in value &&
  typeof value.method === 'string' &&
  'path' in value &&
  typeof value.path === 'string';

const WRITE = 'it must return a request, such as payments.post(…)';

function problemOf(returned: unknown): string {
  if (returned === undefined || returned === null) return `nothing: ${WRITE}`;
  if (Array.isArray(returned)) return 'a list: it must return one request; write a step for each of them';
  if (returned instanceof Promise) {
    return 'a promise: it must return a request at once; write it without async, and wait in a run step before it';
  }
  return typeof returned === 'object'
    ? `an object that is no request: ${WRITE}`
    : `${named(returned)}: ${WRITE}`;
}
