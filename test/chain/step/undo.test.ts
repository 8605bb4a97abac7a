import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, DefinitionError, target } from '../../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../../lib/chain/validate.ts';

const payments = target('payments', { idempotency: { lifetime: 1_800 }, lateBy: 600 });
const input = z.strictObject({ amount: z.number() });
const empty = emptyChain('orders', { version: 1, start: '/api/orders', input });
const request = () => payments.post('/charges');
/** The step as a caller without types would write it. */
const step = (undo: unknown) => withStep(empty, 'payment', { request, undo }).steps[0];

interface Told {
  readonly undone: { readonly result: { readonly id: string } | undefined; readonly idempotencyKey: string };
}
const refund = ({ undone }: Told) =>
  payments.post('/refunds', { charge: undone.result?.id, key: undone.idempotencyKey });

describe('an undo', () => {
  it('is a call with every default decided, whatever its step says of its own', () => {
    const { steps } = withStep(empty, 'payment', {
      request,
      retries: 1,
      timeout: 5,
      undo: { request: refund },
    });
    expect(steps[0]?.undo).toEqual({
      request: refund,
      targets: ['payments'],
      secrets: [],
      keyLifetime: 1_800,
      response: undefined,
      statuses: undefined,
      sensitive: [],
      read: 'json',
      retries: 5,
      timeout: 30,
      backoff: { base: 8, cap: 300 },
    });
    expect(Object.isFrozen(steps[0]?.undo)).toBe(true);
  });

  it('keeps all that it was told', () => {
    const response = z.string();
    const reply = (): null => null;
    const said = { response, reply, read: 'text', statuses: { 404: 'done' }, retries: 0, timeout: 840 };
    const undo = { request: refund, ...said, backoff: { base: 1 }, idempotency: { lifetime: 60 } };
    expect(step(undo)?.undo).toMatchObject({ ...said, backoff: { base: 1, cap: 300 }, keyLifetime: 60 });
  });

  it('may be code, with the targets and secrets that it names', () => {
    const run = () => null;
    const undo = step({ run, targets: [payments], secrets: ['webhook-key'] })?.undo;
    expect(undo).toMatchObject({ run, targets: ['payments'], secrets: ['webhook-key'], keyLifetime: 1_800 });
    expect(undo).not.toHaveProperty('request');
  });

  it('shows its target by what it makes of the step that it takes back', () => {
    expect(step({ request: refund })?.undo?.targets).toEqual(['payments']);
    const vague = ({ undone }: Told) =>
      undone.result === undefined ? payments.post('/cancel') : target('ledger').post('/refunds');
    expect(step({ request: vague })?.undo?.targets).toBeUndefined();
  });

  it('is none of a step that says nothing of it', () => {
    expect(step(undefined)?.undo).toBeUndefined();
  });
});

describe('an undo is refused, and told what to write instead, for', () => {
  const names = 'request, run, targets, secrets, response, read, reply, statuses, retries, timeout, backoff';
  const options = `The options are ${names}, idempotency.`;
  const one =
    "Write one of the two: request: ({ undone }) => payments.post('/refunds', { … }), or run: async ({ undone }) => ….";
  const called = (more: object) => ({ request: refund, ...more });
  const code = (more: object) => ({ run: () => null, ...more });

  it.each<readonly [what: string, undo: unknown, message: string]>([
    [
      'being no object',
      'refund',
      `the options of undo are "refund", not an object. Write an object. Its options are ${names}, idempotency.`,
    ],
    ['being nothing', null, 'the options of undo are null, not an object. Write an object.'],
    ['nothing to do', {}, `undo has neither request nor run. ${one}`],
    ['two things to do', code({ request: refund }), `undo has both request and run. ${one}`],
    [
      'a request without a function',
      { request: '/refunds' },
      'undo.request is "/refunds", not a function. Write request: ({ undone }) => payments.post(\'/refunds\', { … }).',
    ],
    [
      'run without a function',
      { run: 7 },
      'undo.run is 7, not a function. Write run: async ({ undone }) => ….',
    ],
    ['a misspelt option', called({ retires: 3 }), `undo has no option "retires". Did you mean "retries"?`],
    ...['after', 'sensitive', 'when', 'undo', 'pivot', 'lateBy', 'batchSize', 'concurrency'].map(
      (option) =>
        [
          `the option ${option} of a step`,
          called({ [option]: 1 }),
          `undo has no option "${option}". `,
        ] as const,
    ),
    ['an option of nobody', called({ compensate: 1 }), `undo has no option "compensate". ${options}`],
    [
      'secrets of a request',
      called({ secrets: ['key'] }),
      'undo has both request and secrets. Leave secrets out: they are for run,',
    ],
    ['no targets', called({ targets: [] }), 'undo.targets is empty. Name every target that undo may call'],
    [
      'targets in text',
      called({ targets: 'payments' }),
      'undo.targets is "payments", not a list of names. Write a list of names: targets: [\'…\'].',
    ],
    ['a secret twice', code({ secrets: ['key', 'key'] }), 'undo.secrets names "key" twice. Name it once.'],
    [
      'a response that is no schema',
      called({ response: {} }),
      'undo.response is an object, not a zod schema. Write a schema',
    ],
    [
      'a response that JSON cannot hold',
      called({ response: z.object({ at: z.date() }) }),
      'undo.response at "at" is a schema of kind "date", whose values cannot be stored as JSON.',
    ],
    [
      'another way to read',
      called({ response: z.string(), read: 'xml' }),
      `undo.read is "xml". Write read: 'json' or read: 'text'.`,
    ],
    [
      'a way to read what nobody looks at',
      called({ read: 'text' }),
      'undo has read, but no response, without which nothing of the reply is looked at. Add a schema, such as response: z.string().',
    ],
    [
      'a way to read, and code',
      code({ response: z.string(), read: 'text' }),
      'undo has both run and read. Leave read out: it is for the replies of requests, and run reads what it calls itself.',
    ],
    ['replies of code', code({ reply: () => null }), 'undo has both run and reply. Leave reply out'],
    ['statuses of code', code({ statuses: {} }), 'undo has both run and statuses. Leave statuses out'],
    ['a reply that is no function', called({ reply: 7 }), 'undo.reply is 7, not a function. Write reply:'],
    [
      'no statuses',
      called({ statuses: 404 }),
      "undo.statuses is 404. Write such as statuses: { 404: 'done' }",
    ],
    [
      'a status that is none',
      called({ statuses: { 99: 'done' } }),
      'undo.statuses names "99", which is no status of a reply.',
    ],
    [
      'a status that means nothing',
      called({ statuses: { 404: 'gone' } }),
      'undo.statuses says that 404 is "gone".',
    ],
    ['101 retries', called({ retries: 101 }), 'undo.retries is 101. Write a whole number from 0 to 100.'],
    [
      'more time than a function has',
      called({ timeout: 841 }),
      'undo.timeout is 841. Write a number of seconds above 0 and at most 840: a Lambda function ends',
    ],
    [
      'a number as backoff',
      called({ backoff: 5 }),
      'the options of undo.backoff are 5, not an object. Write an object. Its options are base, cap.',
    ],
    ['another part of backoff', called({ backoff: { max: 5 } }), 'undo.backoff has no option "max".'],
    ['no wait', called({ backoff: { base: 0 } }), 'undo.backoff.base is 0. Write a number of seconds'],
    [
      'a long wait',
      called({ backoff: { cap: 3601 } }),
      'undo.backoff.cap is 3601. Write a number of seconds',
    ],
    [
      'a cap below the base',
      called({ backoff: { base: 400 } }),
      'undo.backoff.base is 400, above undo.backoff.cap, which is 300. Write a cap of 400 or more: backoff: { base: 400, cap: 400 }.',
    ],
    [
      'a text of idempotency',
      called({ idempotency: 'always' }),
      'undo.idempotency is "always". Write idempotency: \'none\', or { lifetime: 86400 }.',
    ],
    [
      'a target’s option of idempotency',
      called({ idempotency: { format: 'uuid' } }),
      'undo.idempotency has no option "format".',
    ],
    [
      'a short memory',
      called({ idempotency: { lifetime: 0 } }),
      'undo.idempotency.lifetime is 0. Write a whole number of seconds',
    ],
  ])('%s', (_, undo, message) => {
    const build = () => step(undo);
    expect(build).toThrow(DefinitionError);
    expect(build).toThrow(`Chain "orders", step "payment": ${message}`);
  });
});

describe('what becomes of a workflow that failed', () => {
  const begun = (onFailure?: 'undo' | 'stop') =>
    chain('orders', { version: 1, start: '/api/orders', input, ...(onFailure && { onFailure }) });
  const undo = { request: () => payments.post('/refunds') };

  it('is that it stops, unless the chain says otherwise', () => {
    expect(begun().step('payment', { request, undo }).definition.onFailure).toBe('stop');
    expect(begun('stop').step('payment', { request, undo }).definition.onFailure).toBe('stop');
    expect(
      begun('undo')
        .step('payment', { request, undo })
        .output(() => ({})).onFailure,
    ).toBe('undo');
  });

  it('is not that it is undone where no step has an undo', () => {
    const message =
      'Chain "orders": onFailure is "undo", but no step has an undo. Write one in each step that is to be taken back, such as undo: { request: ({ undone }) => payments.post(\'/refunds\', { chargeKey: undone.idempotencyKey }) }; or leave onFailure out, and a failed workflow waits for a person.';
    const bare = begun('undo').step('payment', { request });
    expect(() => bare.definition).toThrow(message);
    expect(() => bare.output(() => ({}))).toThrow(message);
  });

  it.each(['resume', true, null])('is not %j', (onFailure) => {
    const shown = typeof onFailure === 'string' ? `"${onFailure}"` : String(onFailure);
    expect(() => emptyChain('orders', { version: 1, start: '/api/orders', input, onFailure })).toThrow(
      `Chain "orders": onFailure is ${shown}. Write onFailure: 'undo', so that a failed workflow is taken back, or onFailure: 'stop', so that it waits for a person.`,
    );
  });
});
