import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, StepRefusal, target } from '../../lib/chain/index.ts';
import { stepSettings } from '../../lib/chain/settings.ts';

const api = target('api');
const input = z.strictObject({ id: z.string(), secret: z.string() });
const begun = () =>
  chain('orders', { version: 3, start: '/api/orders', input, sensitive: ['secret'], keepDays: 7 });

describe('a chain', () => {
  it('is a definition with every default decided', () => {
    const request = () => api.get('/a');
    expect(
      chain('plain', { version: 1, start: '/api/plain', input }).step('a', { request }).definition,
    ).toEqual({
      name: 'plain',
      version: 1,
      start: '/api/plain',
      input,
      sensitive: [],
      onFailure: 'stop',
      keepFailed: 14,
      keepDays: 90,
      steps: [
        {
          name: 'a',
          after: [],
          keyLifetime: 86_400,
          lateBy: 60,
          undo: undefined,
          pivot: false,
          request,
          targets: ['api'],
          secrets: [],
          response: undefined,
          sensitive: [],
          read: 'json',
          retries: 5,
          timeout: 30,
          backoff: { base: 8, cap: 300 },
          batchSize: 1,
          concurrency: undefined,
        },
      ],
    });
  });

  it('keeps how a reply is read', () => {
    const request = () => target('api').get('/');
    const { steps } = begun()
      .step('a', { request, response: z.string(), read: 'text' })
      .step('b', { request, response: z.string(), read: 'json' }).definition;
    expect(steps.map(({ read }) => read)).toEqual(['text', 'json']);
  });

  it('keeps all that it was told', () => {
    const response = z.object({ n: z.number() });
    const definition = begun().step('a', {
      run: () => ({ n: 1 }),
      response,
      retries: 0,
      timeout: 0.5,
      backoff: { cap: 10 },
      batchSize: 10,
      concurrency: 2,
    }).definition;
    expect(definition).toMatchObject({ version: 3, sensitive: ['secret'], keepDays: 7 });
    expect(definition.steps[0]).toMatchObject({
      retries: 0,
      timeout: 0.5,
      backoff: { base: 8, cap: 10 },
      batchSize: 10,
      concurrency: 2,
    });
    expect(definition.steps[0]?.response).toBe(response);
    expect(definition.steps[0]).not.toHaveProperty('request');
  });

  it('lets a step follow the one before it unless it says otherwise', () => {
    const run = () => null;
    const { steps } = begun()
      .step('first', { run })
      .step('second', { run })
      .step('left', { run, after: ['second'] })
      .step('right', { run, after: ['second'] })
      .step('join', { run, after: ['left', 'right'] })
      .step('apart', { run, after: [] })
      .step('last', { run }).definition;
    expect(steps.map(({ name, after }) => `${name}: ${after.join(' ')}`)).toEqual([
      'first: ',
      'second: first',
      'left: second',
      'right: second',
      'join: left right',
      'apart: ',
      'last: apart',
    ]);
  });

  it('can be continued in two ways without either seeing the other', () => {
    const run = () => null;
    const shared = begun().step('shared', { run });
    const one = shared.step('one', { run }).definition;
    const two = shared.step('two', { run }).definition;
    expect(one.steps.map(({ name }) => name)).toEqual(['shared', 'one']);
    expect(two.steps.map(({ name }) => name)).toEqual(['shared', 'two']);
  });

  it('cannot be changed once it is made', () => {
    const definition = begun().step('a', { run: () => null }).definition;
    expect([definition, definition.steps, definition.steps[0]].every(Object.isFrozen)).toBe(true);
  });

  it('shows what its output function makes of the results so far', () => {
    const definition = begun()
      .step('a', { run: () => ({ id: 'x' }) })
      .output(({ input, results }) => ({ asked: input.id, got: results.a?.id ?? null }));
    expect(definition.output?.({ input: { id: 'i' }, results: {} })).toEqual({ asked: 'i', got: null });
    expect(definition.output?.({ input: { id: 'i' }, results: { a: { id: 'x' } } })).toEqual({
      asked: 'i',
      got: 'x',
    });
  });

  it('may have an output that needs the input, which a definition does not have yet', () => {
    const definition = begun()
      .step('a', { run: () => null })
      .output(({ input }) => ({ upper: input.id.toUpperCase() }));
    expect(definition.output?.({ input: { id: 'i' }, results: {} })).toEqual({ upper: 'I' });
  });

  it('makes whole seconds of a timeout that is a fraction, as Lambda and SQS ask', () => {
    const step = { timeout: 0.5, retries: 2, batchSize: 1, concurrency: undefined };
    expect(stepSettings(step)).toMatchObject({ functionTimeout: 16, visibilityTimeout: 96 });
  });

  it('has a word for a step that was refused for good', () => {
    expect(new StepRefusal('closed')).toMatchObject({ name: 'StepRefusal', message: 'closed' });
    const cause = new Error('402');
    const facts = { target: 'payments', status: 402, cause };
    expect(new StepRefusal('declined', facts)).toMatchObject(facts);
  });
});
