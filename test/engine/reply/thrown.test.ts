import { describe, expect, it } from 'vitest';
import { thrownText } from '../../../lib/engine/reply/thrown.ts';

/** As long as anybody asks. */
const endless = (): Error => {
  const error = new Error('again');
  error.cause = error;
  return error;
};

describe('what was thrown, in words', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('down'), 'down'],
    ['an error without a message', new TypeError(''), 'TypeError without a message'],
    ['an error with its causes', new Error('a', { cause: new Error('b', { cause: 'c' }) }), 'a: b: c'],
    ['an error that is its own cause', endless(), 'again: again: again: again'],
    ['an error whose cause is null', new Error('a', { cause: null }), 'a'],
    [
      'several errors without a message of their own',
      new AggregateError([new Error('ECONNREFUSED ::1'), new Error('ECONNREFUSED 127.0.0.1')]),
      'ECONNREFUSED ::1, ECONNREFUSED 127.0.0.1',
    ],
    ['no errors at all', new AggregateError([]), 'AggregateError without a message'],
    ['a text', 'down', 'down'],
    ['an empty text', ' ', 'an empty text was thrown'],
    ['nothing', undefined, 'undefined'],
    ['an object', { status: 503 }, '{ status: 503 }'],
    ['an object that is no text', Object.create(null), '[Object: null prototype] {}'],
    ['a number', 0, '0'],
  ])('%s', (_, thrown, text) => {
    expect(thrownText(thrown)).toBe(text);
  });
});
