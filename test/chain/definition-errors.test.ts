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

const called = { run: undefined, request: () => ({ target: 'api', method: 'GET', path: '/' }) };

type Case = readonly [what: string, build: () => unknown, problem: string, remedy: string];

const holds = (place: string, cases: readonly Case[]) =>
  it.each(cases)('%s', (_, build, problem, remedy) => {
    expect(build).toThrow(DefinitionError);
    expect(build).toThrow(new RegExp(`^${place}: ${escaped(problem)}\\. .*${escaped(remedy)}`));
  });

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe('a chain is refused, and told what to write instead, for', () => {
  const path = 'which is not a path below /api/ of lower-case letters, digits and hyphens';
  holds('Chain "orders"', [
    [
      'no options',
      () => emptyChain('orders', undefined),
      'the options of a chain are undefined, not an object',
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
      'The options are version, start',
    ],
    ['version 0', withOptions({ version: 0 }), 'version is 0', 'Write a whole number of at least 1.'],
    [
      'half a version',
      withOptions({ version: 1.5 }),
      'version is 1.5',
      'Write a whole number of at least 1.',
    ],
    [
      'a version in text',
      withOptions({ version: '1' }),
      'version is "1"',
      'Write a whole number of at least 1.',
    ],
    [
      'no version',
      withOptions({ version: undefined }),
      'version is undefined',
      'Write a whole number of at least 1.',
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
      'start is "/api/workflows", but /api/workflows and all paths below it are where workflows are read',
      '"/api/orders"',
    ],
    [
      'a start where a workflow is read',
      withOptions({ start: '/api/workflows/a' }),
      'start is "/api/workflows/a", but /api/workflows and all paths below it are where workflows are read',
      '"/api/orders"',
    ],
    [
      'a start key that is no function',
      withOptions({ startKey: 'x-event-id' }),
      'startKey is "x-event-id", not a function',
      "Write startKey: ({ headers }) => headers['x-event-id']",
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
    [
      'no input',
      withOptions({ input: undefined }),
      'input is undefined, not a zod schema',
      'Write a schema such as z.object({ … }).',
    ],
    [
      'an example as input',
      withOptions({ input: { card: 'x' } }),
      'input is an object, not a zod schema',
      'Write a schema such as z.object({ … }).',
    ],
    [
      'an input that is no object',
      withOptions({ input: z.string() }),
      'input is a schema of kind "string", not of an object',
      'Write z.strictObject({ … }).',
    ],
    [
      'a misspelt sensitive field',
      withOptions({ sensitive: ['crad'] }),
      'sensitive names "crad", which is not a top-level field of input',
      'Did you mean "card"? The fields are card, email.',
    ],
    [
      'one sensitive text',
      withOptions({ sensitive: 'card' }),
      'sensitive is "card", not a list of names',
      "sensitive: ['…']",
    ],
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
      'output is an object, not a function',
      'Write .output(({ input, results }) => ({ … })).',
    ],
    [
      'an output that is a promise',
      () => withOutput(orders, async () => ({})),
      'output returns a promise, not an object',
      'Write a function that is not async and returns an object',
    ],
    [
      'an output without names',
      () => withOutput(orders, () => 'x'),
      'output returns "x", not an object',
      'returns an object',
    ],
    [
      'an output name that every answer has',
      () => withOutput(orders, () => ({ orderId: 1, status: 2 })),
      'output returns "status", a field that every answer has already',
      'Choose another name. These are taken: workflowId, chain, status',
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
      'the options of a step are null, not an object',
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
      'after names "paymnet", but no step above this one has that name',
      'Did you mean "payment"? Steps above this one: payment.',
    ],
    [
      'a predecessor that comes later',
      shipment({ after: ['confirmation'] }),
      'after names "confirmation", but no step above this one has that name',
      'If the step is further down, move it up.',
    ],
    [
      'following itself',
      shipment({ after: ['shipment'] }),
      'after names the step itself',
      'or write after: [] for none.',
    ],
    [
      'one predecessor in text',
      shipment({ after: 'payment' }),
      'after is "payment", not a list of names',
      "after: ['…']",
    ],
    [
      'a predecessor twice',
      shipment({ after: ['payment', 'payment'] }),
      'after names "payment" twice',
      'Name it once.',
    ],
    ['a timeout in text', shipment({ timeout: '30' }), 'timeout is "30"', 'seconds above 0 and at most 840'],
    ['no time at all', shipment({ timeout: 0 }), 'timeout is 0', 'seconds above 0 and at most 840'],
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
    [
      'a number as backoff',
      shipment({ backoff: 5 }),
      'the options of backoff are 5, not an object',
      'base, cap',
    ],
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
      'backoff.base is 400, above backoff.cap, which is 300',
      'backoff: { base: 400, cap: 400 }',
    ],
    [
      'a way to read that is none',
      shipment({ response: z.string(), read: 'xml' }),
      'read is "xml"',
      "Write read: 'json' or read: 'text'.",
    ],
    [
      'a way to read, and code',
      shipment({ response: z.string(), read: 'text' }),
      'it has both run and read',
      'Leave read out: it is for the replies of requests',
    ],
    [
      'a way to read text, and no schema for it',
      shipment({ ...called, read: 'text' }),
      'it has read, but no response, without which nothing of the reply is stored',
      'Add a schema, such as response: z.string().',
    ],
    [
      'a way to read JSON, and no schema for it',
      shipment({ ...called, read: 'json' }),
      'it has read, but no response, without which nothing of the reply is stored',
      'Add a schema, such as response: z.object({ … }).',
    ],
    ['an empty batch', shipment({ batchSize: 0 }), 'batchSize is 0', 'Write a whole number from 1 to 10.'],
    ['a batch of 11', shipment({ batchSize: 11 }), 'batchSize is 11', 'Write a whole number from 1 to 10.'],
    [
      'one at a time',
      shipment({ concurrency: 1 }),
      'concurrency is 1',
      'maxConcurrency of an SQS event source mapping, which AWS does not allow below 2',
    ],
    ['over a thousand at a time', shipment({ concurrency: 1001 }), 'concurrency is 1001', 'from 2 to 1000'],
    [
      'an example as response',
      shipment({ response: { id: 'x' } }),
      'response is an object, not a zod schema',
      'Write a schema such as z.object({ … }).',
    ],
  ]);

  it('a name that is taken', () => {
    expect(() => withStep(orders, 'payment', { run })).toThrow(
      'Chain "orders", step "payment": the chain has a step with this name already. ' +
        'Give one of the two another name, such as "payment-2".',
    );
  });

  it('a name that differs by case alone', () => {
    expect(() => withStep(orders, 'Payment', { run })).toThrow(
      'Chain "orders", step "Payment": its name differs only in case from that of the step "payment"',
    );
  });

  it('being one too many', () => {
    const full = Array.from({ length: LIMITS.stepsPerChain }).reduce<typeof empty>(
      (soFar, _, index) => withStep(soFar, `s${index}`, { run }),
      empty,
    );
    expect(() => withStep(full, 'more', { run })).toThrow(
      'Chain "orders", step "more": this is step 201, and a chain has at most 200. Do several calls in one',
    );
  });

  it('what its types allow and no queue can be', () => {
    const begun = chain('orders', { version: 1, start: '/api/orders', input });
    expect(() => begun.step('ship_ment', { run })).toThrow(
      'Chain "orders": the step name "ship_ment" cannot be part of',
    );
    expect(() => begun.step('shipment', { run, timeout: 900 })).toThrow('step "shipment": timeout is 900.');
  });
});
