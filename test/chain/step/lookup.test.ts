import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DefinitionError, done, notDone, target, unknown } from '../../../lib/chain/index.ts';
import { Answer } from '../../../lib/chain/request/answer.ts';
import { emptyChain, withStep } from '../../../lib/chain/validate.ts';

const payments = target('payments', { idempotency: { lifetime: 1_800 }, lateBy: 600 });
const empty = emptyChain('orders', { version: 1, start: '/api/orders', input: z.strictObject({}) });
const charge = { request: () => target('charging').post('/charges') };
/** The step as a caller without types would write it. */
const step = (lookup: unknown, call: object = charge) =>
  withStep(empty, 'payment', { ...call, lookup }).steps[0];

interface Told {
  readonly idempotencyKey: string;
}
const request = ({ idempotencyKey }: Told) =>
  payments.get('/charges', { query: { key: idempotencyKey, limit: 1 } });
const reply = ({ status, body }: { status: number; body: unknown }) =>
  status === 404 ? notDone() : done(body);
const asked = (more: object = {}) => ({ request, reply, ...more });

describe('a lookup', () => {
  it('has every default decided, whatever its step and its undo say of their own', () => {
    const own = { retries: 1, timeout: 5, backoff: { base: 1 } };
    const call = { ...charge, ...own, undo: { ...charge, ...own } };
    const { lookup } = step(asked(), call) ?? {};
    expect(lookup).toEqual({
      request,
      reply,
      targets: ['payments'],
      read: 'json',
      retries: 5,
      timeout: 30,
      backoff: { base: 8, cap: 300 },
    });
    expect(Object.isFrozen(lookup)).toBe(true);
  });

  it('keeps all that it was told', () => {
    const said = { read: 'text', retries: 0, timeout: 840 };
    expect(step(asked({ ...said, backoff: { cap: 9 } }))?.lookup).toMatchObject({
      ...said,
      backoff: { base: 8, cap: 9 },
    });
  });

  it('is of code, too, and may stand on the pivot', () => {
    const code = { run: () => null, pivot: true };
    expect(step(asked(), code)).toMatchObject({ targets: [], lookup: { targets: ['payments'] } });
  });

  it('changes nothing of its step: what the step calls, and how long keys and late effects are feared', () => {
    const { lookup: _, ...rest } = step(asked()) ?? expect.fail('there is a step');
    expect(rest).toEqual(step(undefined));
  });

  it('is none of a step that says nothing of it', () => {
    expect(step(undefined)).not.toHaveProperty('lookup');
  });

  it('names its targets, by name or as they were made, where it does not show them', () => {
    const vague = ({ idempotencyKey }: Told) =>
      (idempotencyKey.length > 9 ? payments : target('ledger')).get('/charges');
    expect(step(asked({ request: vague }))?.lookup?.targets).toBeUndefined();
    expect(step(asked({ request: vague, targets: [payments, 'ledger'] }))?.lookup?.targets).toEqual([
      'payments',
      'ledger',
    ]);
  });
});

describe('what a reply says of the call', () => {
  it.each([
    [
      'it took effect, with what the step would have stored',
      done({ id: 7 }),
      { is: 'done', result: { id: 7 } },
    ],
    ['it took effect, and there is nothing to store', done(), { is: 'done', result: undefined }],
    ['it did not', notDone(), { is: 'notDone', result: undefined }],
    ['the target cannot tell', unknown(), { is: 'unknown', result: undefined }],
  ])('is that %s', (_, answer, said) => {
    expect(answer).toBeInstanceOf(Answer);
    expect({ ...answer }).toEqual(said);
  });
});

describe('a lookup is refused, and told what to write instead, for', () => {
  const names = 'request, reply, targets, read, retries, timeout, backoff';
  const options = `The options are ${names}.`;
  const writtenRequest =
    "Write request: ({ idempotencyKey }) => payments.get('/charges', { query: { key: idempotencyKey } }).";
  const writtenReply = 'Write reply: ({ status, body }) => (status === 404 ? notDone() : done(body)).';

  it.each<readonly [what: string, lookup: unknown, message: string]>([
    [
      'being no object',
      request,
      `the options of lookup are a function, not an object. Write an object. Its options are ${names}.`,
    ],
    ['being nothing', null, 'the options of lookup are null, not an object. Write an object.'],
    ['no request', { reply }, `lookup has no request. ${writtenRequest}`],
    ['no reply', { request }, `lookup has no reply. ${writtenReply}`],
    ['neither', {}, `lookup has no request. ${writtenRequest}`],
    [
      'a request without a function',
      asked({ request: '/charges' }),
      `lookup.request is "/charges", not a function. ${writtenRequest}`,
    ],
    [
      'an answer in place of a reply',
      asked({ reply: done() }),
      `lookup.reply is an object, not a function. ${writtenReply}`,
    ],
    ['no reply at all', asked({ reply: null }), `lookup.reply is null, not a function. ${writtenReply}`],
    [
      'code',
      asked({ run: () => null }),
      `lookup has no option "run". A lookup asks by one request. ${writtenRequest}`,
    ],
    [
      'secrets',
      asked({ secrets: ['key'] }),
      'lookup has no option "secrets". Leave it out: it is for run, and the secrets of a target are in its settings.',
    ],
    [
      'a response',
      asked({ response: z.string() }),
      'lookup has no option "response". Leave it out: the response of the step checks what reply gives to done(…).',
    ],
    [
      'sensitive fields',
      asked({ sensitive: ['id'] }),
      'lookup has no option "sensitive". Leave it out: the fields that the step names are sensitive in what done(…) is given, too.',
    ],
    [
      'statuses',
      asked({ statuses: { 404: 'done' } }),
      'lookup has no option "statuses". Leave it out: reply says what 2xx, 404 and 410 mean;',
    ],
    [
      'a key',
      asked({ idempotency: 'none' }),
      'lookup has no option "idempotency". Leave it out: a lookup never acts, and its request carries no key.',
    ],
    [
      'late effects',
      asked({ lateBy: 5 }),
      'lookup has no option "lateBy". Write it in the step, or in the target that the step calls: a lookup never acts.',
    ],
    ...['after', 'when', 'undo', 'lookup', 'pivot', 'batchSize', 'concurrency'].map(
      (option) =>
        [
          `the option ${option} of a step`,
          asked({ [option]: 1 }),
          `lookup has no option "${option}". ${options}`,
        ] as const,
    ),
    [
      'a misspelt option',
      asked({ retires: 3 }),
      `lookup has no option "retires". Did you mean "retries"? ${options}`,
    ],
    ['a name that every object has', asked({ toString: 1 }), 'lookup has no option "toString". '],
    [
      'no targets',
      asked({ targets: [] }),
      "lookup.targets is empty. Name every target that lookup may call: targets: ['payments'].",
    ],
    [
      'targets in text',
      asked({ targets: 'payments' }),
      'lookup.targets is "payments", not a list of names. Write a list of names: targets: [\'…\'].',
    ],
    [
      'another way to read',
      asked({ read: 'xml' }),
      `lookup.read is "xml". Write read: 'json' or read: 'text'.`,
    ],
    ['no way to read', asked({ read: null }), 'lookup.read is null.'],
    ['101 retries', asked({ retries: 101 }), 'lookup.retries is 101. Write a whole number from 0 to 100.'],
    [
      'more time than a function has',
      asked({ timeout: 841 }),
      'lookup.timeout is 841. Write a number of seconds above 0 and at most 840: a Lambda function ends',
    ],
    ['another part of backoff', asked({ backoff: { max: 5 } }), 'lookup.backoff has no option "max".'],
    ['no wait', asked({ backoff: { base: 0 } }), 'lookup.backoff.base is 0. Write a number of seconds'],
    [
      'a cap below the base',
      asked({ backoff: { base: 400 } }),
      'lookup.backoff.base is 400, above lookup.backoff.cap, which is 300. Write a cap of 400 or more',
    ],
  ])('%s', (_, lookup, message) => {
    const build = () => step(lookup);
    expect(build).toThrow(DefinitionError);
    expect(build).toThrow(`Chain "orders", step "payment": ${message}`);
  });

  it('standing in an undo, which has no effect that is asked for', () => {
    const undo = { ...charge, lookup: asked() };
    expect(() => step(undefined, { ...charge, undo })).toThrow(
      'Chain "orders", step "payment": undo has no option "lookup". ',
    );
  });
});
