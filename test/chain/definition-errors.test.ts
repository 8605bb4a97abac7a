import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, DefinitionError } from '../../lib/chain/index.ts';
import { emptyChain, withOutput, withStep } from '../../lib/chain/validate.ts';
import { LIMITS } from '../../lib/contract/limits.ts';

// The functions behind `chain()` take anything, as a caller without types would give it.
const run = () => null;
const input = z.strictObject({ card: z.string(), email: z.email() });
const empty = emptyChain('orders', { version: 1, start: '/api/orders', input });
const orders = withStep(empty, 'payment', { run });
const withOptions = (options: object) => () =>
  emptyChain('orders', { version: 1, start: '/api/orders', input, ...options });
const shipment = (options: object) => () => withStep(orders, 'shipment', { run, ...options });

type Case = readonly [what: string, build: () => unknown, problem: string, remedy: string];

const holds = (place: string, cases: readonly Case[]) =>
  it.each(cases)('%s', (_, build, problem, remedy) => {
    expect(build).toThrow(DefinitionError);
    expect(build).toThrow(new RegExp(`^${place}: ${escaped(problem)}\\. .*${escaped(remedy)}`));
  });

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe('a chain is refused, and told what to write instead, for', () => {
  const path = 'not a path of lower-case letters, digits and hyphens below /api/';
  holds('Chain "orders"', [
    [
      'no options',
      () => emptyChain('orders', undefined),
      'the options of a chain are undefined',
      'version, start',
    ],
    [
      'a misspelt option',
      withOptions({ keepdays: 3 }),
      'a chain has no option "keepdays"',
      'Did you mean "keepDays"?',
    ],
    [
      'an unknown option',
      withOptions({ output: run }),
      'a chain has no option "output"',
      'There are version, start',
    ],
    ['version 0', withOptions({ version: 0 }), 'version is 0', 'Write a whole number not below 1.'],
    ['half a version', withOptions({ version: 1.5 }), 'version is 1.5', 'Write a whole number not below 1.'],
    [
      'a version in text',
      withOptions({ version: '1' }),
      'version is "1"',
      'Write a whole number not below 1.',
    ],
    [
      'no version',
      withOptions({ version: undefined }),
      'version is undefined',
      'Write a whole number not below 1.',
    ],
    [
      'a start outside /api',
      withOptions({ start: '/orders' }),
      `start is "/orders", ${path}`,
      '"/api/orders"',
    ],
    [
      'a start of capitals',
      withOptions({ start: '/api/Orders' }),
      `start is "/api/Orders", ${path}`,
      '"/api/orders"',
    ],
    ['an empty start', withOptions({ start: '/api/' }), `start is "/api/", ${path}`, '"/api/orders"'],
    ['no start', withOptions({ start: undefined }), `start is undefined, ${path}`, '"/api/orders"'],
    [
      'a start where workflows are listed',
      withOptions({ start: '/api/workflows' }),
      'start is "/api/workflows", and /api/workflows is where workflows are read',
      '"/api/orders"',
    ],
    [
      'a start where a workflow is read',
      withOptions({ start: '/api/workflows/a' }),
      'start is "/api/workflows/a", and /api/workflows is where workflows are read',
      '"/api/orders"',
    ],
    [
      'one day, of which the last day would be all',
      withOptions({ keepDays: 1 }),
      'keepDays is 1',
      'a whole number of days from 2 to 3650.',
    ],
    [
      'over ten years',
      withOptions({ keepDays: 3651 }),
      'keepDays is 3651',
      'a whole number of days from 2 to 3650.',
    ],
    ['no input', withOptions({ input: undefined }), 'input is undefined', 'Write a zod schema'],
    [
      'an example as input',
      withOptions({ input: { card: 'x' } }),
      'input is an object',
      'Write a zod schema',
    ],
    [
      'an input that is no object',
      withOptions({ input: z.string() }),
      'input is a schema of kind "string"',
      'write z.strictObject({ … }).',
    ],
    [
      'a misspelt sensitive field',
      withOptions({ sensitive: ['crad'] }),
      'sensitive names "crad", which is not a top-level field of input',
      'Did you mean "card"? There are card, email.',
    ],
    ['one sensitive text', withOptions({ sensitive: 'card' }), 'sensitive is "card"', "sensitive: ['…']"],
    [
      'a sensitive field twice',
      withOptions({ sensitive: ['card', 'card'] }),
      'sensitive names "card" twice',
      'Name it once.',
    ],
    ['no steps', () => withOutput(empty, () => ({})), 'it has no steps', "Add at least one: .step('payment'"],
    [
      'an output that is no function',
      () => withOutput(orders, {}),
      'output is an object',
      'Write a function',
    ],
    [
      'an output that is a promise',
      () => withOutput(orders, async () => ({})),
      'output returns a promise',
      'Return an object, at once',
    ],
    [
      'an output without names',
      () => withOutput(orders, () => 'x'),
      'output returns "x"',
      'Return an object',
    ],
    [
      'an output name that every answer has',
      () => withOutput(orders, () => ({ orderId: 1, status: 2 })),
      `output returns "status", which every workflow's answer has already`,
      'Choose another name. Taken are workflowId, chain, status',
    ],
  ]);

  it('a definition asked for before there is a step', () => {
    const begun = chain('orders', { version: 1, start: '/api/orders', input });
    expect(() => begun.definition).toThrow('Chain "orders": it has no steps.');
  });
});

describe('a step is refused, and told what to write instead, for', () => {
  holds('Chain "orders", step "shipment"', [
    [
      'no options',
      () => withStep(orders, 'shipment', null),
      'the options of a step are null',
      'request, run, targets',
    ],
    [
      'a misspelt option',
      shipment({ retires: 3 }),
      'a step has no option "retires"',
      'Did you mean "retries"?',
    ],
    ['nothing to do', shipment({ run: undefined }), 'it has neither request nor run', 'Write one of the two'],
    ['two things to do', shipment({ request: run }), 'it has both request and run', 'Write one of the two'],
    ['run without a function', shipment({ run: 'x' }), 'run is "x", not a function', 'run: async () =>'],
    [
      'request without a function',
      shipment({ run: undefined, request: {} }),
      'request is an object, not a function',
      'request: ({ input }) =>',
    ],
    [
      'a misspelt predecessor',
      shipment({ after: ['paymnet'] }),
      'after names "paymnet", and no step of that name is declared above this one',
      'Did you mean "payment"? Declared above this one: payment.',
    ],
    [
      'a predecessor that comes later',
      shipment({ after: ['confirmation'] }),
      'after names "confirmation", and no step of that name is declared above this one',
      'A step that stands further down must be moved up.',
    ],
    ['following itself', shipment({ after: ['shipment'] }), 'after names the step itself', 'or none: [].'],
    ['one predecessor in text', shipment({ after: 'payment' }), 'after is "payment"', "after: ['…']"],
    [
      'a predecessor twice',
      shipment({ after: ['payment', 'payment'] }),
      'after names "payment" twice',
      'Name it once.',
    ],
    ['a timeout in text', shipment({ timeout: '30' }), 'timeout is "30"', 'seconds above 0, at most 840'],
    ['no time at all', shipment({ timeout: 0 }), 'timeout is 0', 'seconds above 0, at most 840'],
    [
      'more time than a function has',
      shipment({ timeout: 841 }),
      'timeout is 841',
      'a Lambda function ends after 900 s',
    ],
    ['endless time', shipment({ timeout: Number.POSITIVE_INFINITY }), 'timeout is Infinity', 'at most 840'],
    ['a timeout that is no number', shipment({ timeout: Number.NaN }), 'timeout is NaN', 'at most 840'],
    ['retries below 0', shipment({ retries: -1 }), 'retries is -1', 'Write a whole number from 0 to 100.'],
    ['half a retry', shipment({ retries: 1.5 }), 'retries is 1.5', 'Write a whole number from 0 to 100.'],
    ['101 retries', shipment({ retries: 101 }), 'retries is 101', 'Write a whole number from 0 to 100.'],
    ['a number as backoff', shipment({ backoff: 5 }), 'the options of backoff are 5', 'base, cap'],
    [
      'an unknown part of backoff',
      shipment({ backoff: { max: 5 } }),
      'backoff has no option "max"',
      'base, cap',
    ],
    ['retries without a wait', shipment({ backoff: { base: 0 } }), 'backoff.base is 0', 'seconds above 0'],
    ['waits over an hour', shipment({ backoff: { cap: 3601 } }), 'backoff.cap is 3601', 'at most 3600'],
    [
      'a cap below the base',
      shipment({ backoff: { base: 400 } }),
      'backoff.base is 400 and backoff.cap is 300, so no wait could grow',
      'backoff: { base: 400, cap: 400 }',
    ],
    ['an empty batch', shipment({ batchSize: 0 }), 'batchSize is 0', 'Write a whole number from 1 to 10.'],
    ['a batch of 11', shipment({ batchSize: 11 }), 'batchSize is 11', 'Write a whole number from 1 to 10.'],
    [
      'one at a time',
      shipment({ concurrency: 1 }),
      'concurrency is 1',
      'maxConcurrency of an SQS event source mapping, which starts at 2, so one at a time is impossible',
    ],
    ['over a thousand at a time', shipment({ concurrency: 1001 }), 'concurrency is 1001', 'from 2 to 1000'],
    [
      'an example as response',
      shipment({ response: { id: 'x' } }),
      'response is an object',
      'Write a zod schema',
    ],
  ]);

  it('a name that is taken', () => {
    expect(() => withStep(orders, 'payment', { run })).toThrow(
      'Chain "orders", step "payment": this chain has a step of that name already. ' +
        'Give one of the two another name, such as "payment-2".',
    );
  });

  it('a name that differs by case alone', () => {
    expect(() => withStep(orders, 'Payment', { run })).toThrow(
      'Chain "orders", step "Payment": it differs from the step "payment" by case alone',
    );
  });

  it('being one too many', () => {
    const full = Array.from({ length: LIMITS.stepsPerChain }).reduce<typeof empty>(
      (soFar, _, index) => withStep(soFar, `s${index}`, { run }),
      empty,
    );
    expect(() => withStep(full, 'more', { run })).toThrow(
      'Chain "orders", step "more": a chain has at most 200 steps, and this is one more. Do several calls in one',
    );
  });

  it('what its types allow and no queue can be', () => {
    const begun = chain('orders', { version: 1, start: '/api/orders', input });
    expect(() => begun.step('ship_ment', { run })).toThrow(
      'Chain "orders": the step name "ship_ment" cannot name',
    );
    expect(() => begun.step('shipment', { run, timeout: 900 })).toThrow('step "shipment": timeout is 900.');
  });
});
