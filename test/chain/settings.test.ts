import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, target, unknown } from '../../lib/chain/index.ts';
import {
  isBackoffScale,
  lookupPatience,
  patience,
  stepSettings,
  undoPatience,
  wholeWait,
  withBackoffScale,
} from '../../lib/chain/settings.ts';
import { shapeHash } from '../../lib/chain/shape.ts';
import { backoffMs } from '../../lib/engine/retry.ts';

const api = target('api');
const DEFINITION = chain('plain', { version: 1, start: '/api/plain', input: z.strictObject({}) }).step('a', {
  request: () => api.get('/'),
}).definition;
const STEP = DEFINITION.steps[0] ?? expect.fail('the chain has a step');

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

describe('a step that says nothing of retries', () => {
  const after = Array.from({ length: STEP.retries }, (_, retry) => retry + 1);

  it('waits 8, 16, 32, 64 and 128 s at most', () => {
    expect(after.map((attempt) => wholeWait(STEP.backoff, attempt))).toEqual([8, 16, 32, 64, 128]);
  });

  it.each([1, 1_000])(
    'waits for two to five minutes together, whatever chance does (units of %d ms)',
    (granularityMs) => {
      const waits = (fraction: number) =>
        sum(after.map((attempt) => backoffMs(STEP.backoff, attempt, { fraction, granularityMs }) / 1_000));
      expect(waits(0)).toBe(124);
      expect(waits(1 - Number.EPSILON)).toBe(248);
    },
  );

  it('may take all its waits, and all its attempts with the time of their functions', () => {
    expect(patience(STEP)).toBe(248 + 6 * 45);
  });
});

const UNDO = { request: () => api.post('/undo'), timeout: 0.5, retries: 2, backoff: { base: 4, cap: 10 } };
const UNDONE = chain('undone', { version: 1, start: '/api/undone', input: z.strictObject({}) })
  .step('slow', { request: () => api.get('/'), undo: { ...UNDO, timeout: 300, retries: 40 } })
  .step('quick', { request: () => api.get('/'), timeout: 60, retries: 9, undo: UNDO }).definition;

describe('the queue and the function of a step that has an undo', () => {
  it.each([
    ['the undo where that is longer', UNDONE.steps[0], [315, 1_890, 46]],
    ['the step where that is longer', UNDONE.steps[1], [75, 450, 15]],
  ])(
    'have the timeout and the receives of %s',
    (_, step, [functionTimeout, visibilityTimeout, maxReceiveCount]) => {
      expect(step && stepSettings(step)).toMatchObject({
        functionTimeout,
        visibilityTimeout,
        maxReceiveCount,
      });
    },
  );

  it('leave the patience with the call of the step as it is, and the undo has one of its own', () => {
    const [slow = STEP, quick = STEP] = UNDONE.steps;
    expect(patience(slow)).toBe(patience(STEP));
    expect(undoPatience(quick)).toBe(4 + 8 + 3 * 16);
    expect(undoPatience(STEP)).toBe(0);
  });
});

const LOOKUP = { request: () => api.get('/'), reply: () => unknown(), backoff: { base: 4, cap: 10 } };
const ASKED = chain('asked', { version: 1, start: '/api/asked', input: z.strictObject({}) })
  .step('slow', {
    request: () => api.get('/'),
    undo: { ...UNDO, timeout: 60, retries: 9 },
    lookup: { ...LOOKUP, timeout: 300, retries: 40 },
  })
  .step('quick', {
    request: () => api.get('/'),
    timeout: 60,
    retries: 9,
    lookup: { ...LOOKUP, timeout: 0.5, retries: 2 },
  }).definition;

describe('the queue and the function of a step that has a lookup', () => {
  it.each([
    ['the lookup, and the receives of its undo and the lookup together', ASKED.steps[0], [315, 1_890, 57]],
    ['the step where that is longer, and the receives of both', ASKED.steps[1], [75, 450, 19]],
  ])('have the timeout of %s', (_, step, [functionTimeout, visibilityTimeout, maxReceiveCount]) => {
    expect(step && stepSettings(step)).toMatchObject({ functionTimeout, visibilityTimeout, maxReceiveCount });
  });

  it('leave the patience with the call as it is, and the lookup has one of its own', () => {
    const [slow = STEP, quick = STEP] = ASKED.steps;
    expect(patience(slow)).toBe(patience(STEP));
    expect(lookupPatience(quick)).toBe(4 + 8 + 3 * 16);
    expect(lookupPatience(STEP)).toBe(0);
  });
});

describe('a scale of waits', () => {
  const [scaled] = withBackoffScale([DEFINITION], 0.001);
  const [step = STEP] = scaled?.steps ?? [];

  it('shortens each wait, and nothing else', () => {
    expect(step).toEqual({ ...STEP, backoff: { base: 0.008, cap: 0.3 } });
    expect({ ...scaled, steps: [] }).toEqual({ ...DEFINITION, steps: [] });
  });

  it('shortens the waits of an undo, too', () => {
    const [chain] = withBackoffScale([UNDONE], 0.5);
    const [, quick] = UNDONE.steps;
    expect(chain?.steps[1]?.undo).toEqual({ ...quick?.undo, backoff: { base: 2, cap: 5 } });
  });

  it('shortens the waits of a lookup, too, and gives none to a step without', () => {
    const [chain] = withBackoffScale([ASKED], 0.5);
    const [, quick] = ASKED.steps;
    expect(chain?.steps[1]?.lookup).toEqual({ ...quick?.lookup, backoff: { base: 2, cap: 5 } });
    expect(step).not.toHaveProperty('lookup');
  });

  it('leaves the shape: workflows go on where a stage is set otherwise', () => {
    expect(scaled && shapeHash(scaled)).toBe(shapeHash(DEFINITION));
  });

  it('shortens what is computed from the waits: on SQS two seconds of each may stay', () => {
    expect(patience(step)).toBe(5 * 2 + 6 * 45);
  });

  it('of 1 changes no chain', () => {
    expect(withBackoffScale([DEFINITION], 1)).toEqual([DEFINITION]);
  });

  it.each([
    [0, false],
    [-1, false],
    [1.001, false],
    [Number.NaN, false],
    [0.001, true],
    [1, true],
  ])('of %d is one: %s', (scale, is) => {
    expect(isBackoffScale(scale)).toBe(is);
  });
});
