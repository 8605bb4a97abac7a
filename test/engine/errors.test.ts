import { describe, expect, it } from 'vitest';
import { EngineError, ERROR_CODES, toldOf } from '../../lib/engine/errors.ts';
import { PROBLEMS, ProblemError } from '../../lib/engine/problems.ts';

describe('an error of the engine', () => {
  it.each([
    ['STORE_UNAVAILABLE', true],
    ['QUEUE_UNAVAILABLE', true],
    ['NOTIFICATION_FAILED', true],
    ['TARGET_MISSING', false],
    ['SECRET_UNAVAILABLE', true],
    ['CONFIGURATION', false],
  ] as const)('%s may pass by itself: %s', (code, retriable) => {
    const cause = new Error('below');
    const error = new EngineError(code, 'what happened', { cause });
    expect(error).toMatchObject({ name: 'EngineError', message: 'what happened', code, retriable, cause });
  });

  it('says what the reader can do: what its code says, or what its thrower knows', () => {
    const codes = Object.values(ERROR_CODES).map(({ next }) => next);
    expect(codes.every((next) => next.length > 0)).toBe(true);
    expect(new EngineError('CONFIGURATION', '').next).toBe(ERROR_CODES.CONFIGURATION.next);
    expect(new EngineError('CONFIGURATION', '', { next: 'Set PORT.' }).next).toBe('Set PORT.');
  });

  it('is told with its message and what to do; anything else that was thrown with its text', () => {
    expect(toldOf(new EngineError('CONFIGURATION', 'no port', { next: 'Set PORT.' }))).toEqual({
      message: 'no port',
      next: 'Set PORT.',
    });
    expect(toldOf(new TypeError('x is not a function'))).toEqual({ message: 'x is not a function' });
    expect(toldOf('thrown text')).toEqual({ message: 'thrown text' });
  });
});

describe('a problem', () => {
  it('is a document of RFC 9457 with the status and title of its code', () => {
    expect(new ProblemError('UNKNOWN_WORKFLOW', 'there is no workflow wf_1').problem).toStrictEqual({
      type: 'urn:stepline:problem:unknown-workflow',
      title: 'There is no such workflow',
      status: 404,
      detail: 'there is no workflow wf_1',
      code: 'UNKNOWN_WORKFLOW',
    });
  });

  it('names the fields that were refused, if any were', () => {
    const errors = [{ field: 'card', message: 'missing' }];
    expect(new ProblemError('INVALID_REQUEST', 'no', errors).problem.errors).toEqual(errors);
  });

  it('is the client’s below 500 and ours from there on', () => {
    const ours = Object.entries(PROBLEMS)
      .filter(([, { status }]) => status >= 500)
      .map(([code]) => code);
    expect(ours).toEqual(['INTERNAL', 'UNAVAILABLE']);
  });
});
