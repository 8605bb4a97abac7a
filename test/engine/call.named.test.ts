import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { RunContext } from '../../lib/chain/definition.ts';
import { CallError, path, StepRefusal, target } from '../../lib/chain/index.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { settle } from '../support/manual-clock.ts';
import { CARD, failureOf, outside, reply, stepOf, WORKFLOW } from './call-fixtures.ts';

const payments = target('payments');
const square = target('square', { idempotency: { format: 'uuid' } });
const sms = target('sms', { idempotency: 'none' });
const KEY = `${WORKFLOW}:a:do:0`;

type Run = (context: RunContext) => unknown;
const step = (run: Run, more: object = {}) => stepOf({ run, targets: [payments, square], ...more });

describe('code that calls a target', () => {
  it('gets the reply of a 2xx, with every header and its body as JSON or text', async () => {
    const made = outside();
    made.answer = reply({ id: 'c-1' }, 201, { headers: { etag: '"1"' } });
    const run: Run = async ({ call, input }) =>
      await call('charge', payments).post(
        path`/charges/${'a b'}`,
        { input },
        { headers: { 'X-Mode': 'test' } },
      );
    expect(await made.perform(step(run))).toEqual({
      ok: true,
      result: { status: 201, headers: { etag: '"1"' }, body: { id: 'c-1' } },
    });
    expect(made.calls[0]?.request).toMatchObject({
      method: 'POST',
      url: 'https://payments.test/v1/charges/a%20b',
      allHeaders: true,
      body: JSON.stringify({ input: { card: CARD, amount: 5 } }),
      headers: { 'idempotency-key': `${KEY}:charge`, 'x-mode': 'test', 'content-type': 'application/json' },
    });
    made.answer = reply('fine');
    expect(
      await made.perform(step(async ({ call }) => (await call('look', payments).get('/x')).body)),
    ).toEqual({
      ok: true,
      result: 'fine',
    });
  });

  it('gives each call a key of its own, as its target wants it written', async () => {
    const made = outside();
    const run: Run = async ({ call }) => {
      await Promise.all([call('one', payments).put('/a'), call('two', square).delete('/b')]);
    };
    await made.perform(step(run));
    await made.perform(step(run));
    const keys = made.calls.map(({ request }) => request.headers['idempotency-key']);
    expect(keys).toEqual([`${KEY}:one`, expect.stringMatching(/^[0-9a-f-]{36}$/), keys[0], keys[1]]);
  });

  it('calls each target over connections as the target wants them', async () => {
    const made = outside();
    const run: Run = async ({ call }) => {
      await call('one', sms).post('/a');
      await call('two', payments).post('/b');
    };
    await made.perform(step(run, { targets: [sms, payments] }));
    expect(made.calls.map(({ request }) => request.fresh)).toEqual([true, undefined]);
    expect(step(() => null, { targets: [sms, payments] }).keyLifetime).toBe(0);
  });

  it.each<[string, Run, RegExp]>([
    [
      'the same name twice',
      async ({ call }) => {
        await call('one', payments).post('/a');
        await call('one', payments).post('/a');
      },
      /^the name "one" is taken by another call of this attempt; each call has a name of its own$/,
    ],
    [
      'a name that is none',
      ({ call }) => call('a b', payments).post('/a'),
      /^the name of a call is "a b"; write letters/,
    ],
    [
      'a path that is none',
      ({ call }) => call('one', payments).get('a'),
      /^payments\.get: the path "a" does not begin/,
    ],
    [
      'a bare text',
      ({ call }) =>
        call('one', { ...payments, post: () => payments.post('/a', JSON.parse('"x"')) }).post('/a'),
      /text/,
    ],
  ])('is told that it uses %s, for good', async (_, run, message) => {
    const made = outside();
    const failure = failureOf(await made.perform(step(run)));
    expect(failure).toMatchObject({ code: 'REQUEST_INVALID', retriable: false, target: 'payments' });
    expect(failure.message).toMatch(message);
    expect(failure.next).toBe('Correct the run function of the step, and deploy.');
  });

  it('may call no target that the step does not name', async () => {
    const made = outside();
    const failure = failureOf(await made.perform(step(({ call }) => call('one', sms).post('/a'))));
    expect(failure).toMatchObject({
      code: 'TARGET_MISSING',
      message:
        'the request goes to the target "sms", but the step’s definition names only "payments", "square"',
      next: "Write targets: ['payments', 'square', 'sms'] in the step, and deploy.",
    });
    const none = stepOf({ run: ({ call }: RunContext) => call('one', payments).post('/a') });
    expect(failureOf(await made.perform(none)).message).toContain('the step’s definition names none');
    expect(made.calls).toEqual([]);
  });
});

describe('a call of code that gets no good reply', () => {
  const post: Run = async ({ call }) => await call('charge', payments).post('/charges', {});

  it.each<[string, HttpOutcome, object]>([
    [
      'a refusal',
      reply({ error: CARD }, 402),
      { code: 'REFUSED', retriable: false, acted: 'no', httpStatus: 402 },
    ],
    [
      'a target that is busy',
      reply('', 429, { headers: { 'retry-after': '7' } }),
      { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'no', headers: { 'retry-after': '7' } },
    ],
    [
      'a target that broke',
      reply('', 500),
      { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'unknown' },
    ],
    [
      'no reply',
      { kind: 'failure', code: 'CONNECTION_BROKEN', sent: 'unknown', message: 'reset' },
      { code: 'CONNECTION_BROKEN', retriable: true, acted: 'unknown' },
    ],
    [
      'a reply that cannot be read',
      reply('', 200, { unreadable: 'it is not UTF-8' }),
      { code: 'REPLY_INVALID', message: 'the reply cannot be read: it is not UTF-8', retriable: false },
    ],
  ])('fails the attempt as that of a request step would be: %s', async (_, answer, failure) => {
    const made = outside();
    made.answer = answer;
    const found = failureOf(await made.perform(step(post)));
    expect(found).toMatchObject({ ...failure, target: 'payments' });
    expect(JSON.stringify(found)).not.toContain(CARD);
  });

  it('is an error that code can look at, and go on', async () => {
    const made = outside();
    made.answer = reply({ error: 'none such' }, 404);
    const seen: unknown[] = [];
    const run: Run = async ({ call }) => {
      try {
        await call('find', payments).get('/customers/1');
      } catch (error) {
        seen.push(error);
      }
      return 'made';
    };
    expect(await made.perform(step(run))).toEqual({ ok: true, result: 'made' });
    expect(seen[0]).toBeInstanceOf(CallError);
    expect(seen[0]).toMatchObject({
      name: 'CallError',
      call: 'find',
      target: 'payments',
      code: 'REFUSED',
      status: 404,
      reply: { status: 404, body: { error: 'none such' } },
      message: '404 Not Found; the reply was: error: none such',
    });
  });

  it('may have left an effect where a call before it has acted', async () => {
    const made = outside();
    const run: Run = async ({ call }) => {
      await call('reserve', payments).post('/reservations');
      made.answer = reply('', 422);
      await call('charge', payments).post('/charges');
    };
    expect(failureOf(await made.perform(step(run)))).toMatchObject({ code: 'REFUSED', acted: 'unknown' });
  });

  it('has left none where the calls before it only looked, or were refused', async () => {
    const made = outside();
    const run: Run = async ({ call }) => {
      await call('look', payments).get('/customers');
      made.answer = reply('', 422);
      await call('reserve', payments)
        .post('/reservations')
        .catch(() => undefined);
      await call('charge', payments).post('/charges');
    };
    expect(failureOf(await made.perform(step(run)))).toMatchObject({ code: 'REFUSED', acted: 'no' });
  });

  it('lets a refusal by the code say that nothing was done only where that is so', async () => {
    const made = outside();
    const refuse: Run = async ({ call }) => {
      await call('look', payments).get('/customers');
      throw new StepRefusal('declined', { target: 'payments', status: 402 });
    };
    expect(failureOf(await made.perform(step(refuse)))).toMatchObject({
      code: 'REFUSED',
      acted: 'no',
      httpStatus: 402,
    });
    const late: Run = async ({ call }) => {
      await call('reserve', payments).post('/reservations');
      throw new StepRefusal('declined');
    };
    expect(failureOf(await made.perform(step(late)))).toMatchObject({ code: 'REFUSED', acted: 'unknown' });
  });

  it('does not end the process where nobody waits for it', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const made = outside();
    made.answer = reply('', 422);
    await made.perform(
      step(({ call }) => {
        void call('charge', payments).post('/charges');
        return 'done';
      }),
    );
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('the deadline of code that calls', () => {
  it('is that of its calls, less what passed before them', async () => {
    const made = outside();
    const performing = made.perform(
      step(async ({ call }) => {
        await new Promise<void>((resolve) => {
          made.clock.after(10_000, resolve);
        });
        await call('charge', payments).post('/charges');
      }),
    );
    await made.clock.advance(10_000);
    await performing;
    expect(made.calls[0]?.deadlineMs).toBe(20_000);
  });

  it('ends its calls: what code does later is not sent', async () => {
    const made = outside();
    let goOn = (): void => undefined;
    const later: unknown[] = [];
    const run: Run = async ({ call }) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      await call('charge', payments)
        .post('/charges')
        .catch((error: unknown) => later.push(error));
    };
    const performing = made.perform(step(run));
    await made.clock.advance(30_000);
    expect(failureOf(await performing)).toMatchObject({ code: 'DEADLINE_EXCEEDED', acted: 'unknown' });
    goOn();
    await settle();
    expect(made.calls).toEqual([]);
    expect(String(later[0])).toContain('the step’s deadline has passed');
  });
});

describe('code that has ended', () => {
  it('calls nothing any more, so that nothing is done of which the step says that it is not', async () => {
    const made = outside();
    made.answer = reply('', 404);
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const later: unknown[] = [];
    const run: Run = async ({ call }) => {
      const charging = gate.then(() => call('charge', payments).post('/charges'));
      charging.catch((error: unknown) => later.push(error));
      await Promise.all([call('look', payments).get('/customers/1'), charging]);
    };
    expect(failureOf(await made.perform(step(run)))).toMatchObject({ code: 'REFUSED', acted: 'no' });
    goOn();
    await settle();
    expect(made.calls).toHaveLength(1);
    expect(String(later[0])).toContain('the code of the step has ended');
  });

  it('leaves no secret behind whose reading fails later', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const made = outside();
    made.secret = () => Promise.reject(new EngineError('SECRET_UNAVAILABLE', 'throttled'));
    const run: Run = ({ secret }) => {
      void secret('key');
      return 'done';
    };
    expect(await made.perform(step(run, { secrets: ['key'] }))).toEqual({ ok: true, result: 'done' });
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('a secret of the code', () => {
  const secrets = { 'webhook-key': 'open-sesame' } as const;
  const withSecrets = (read: (name: string) => string | Promise<string>) => {
    const made = outside();
    made.secret = read;
    return made;
  };
  const sign: Run = async ({ secret }) => (await secret('webhook-key')).length;

  it('is read by its name, and shown nowhere', async () => {
    const made = withSecrets(() => secrets['webhook-key']);
    expect(await made.perform(step(sign, { secrets: ['webhook-key'] }))).toEqual({ ok: true, result: 11 });
    const leak: Run = async ({ secret }) => {
      throw new Error(`no luck with ${await secret('webhook-key')}`);
    };
    expect(failureOf(await made.perform(step(leak, { secrets: ['webhook-key'] }))).message).toBe(
      'no luck with ***',
    );
    const typed: Run = async ({ secret }) => ({ n: await secret('webhook-key') });
    const response = z.object({ n: z.literal('other') });
    const wrong = await made.perform(step(typed, { secrets: ['webhook-key'], response }));
    expect(JSON.stringify(failureOf(wrong))).not.toContain('open-sesame');
  });

  it('is no other than those that the step names', async () => {
    const failure = failureOf(await withSecrets(() => 'x').perform(step(sign)));
    expect(failure).toEqual({
      code: 'TARGET_MISSING',
      message: 'the step’s definition does not name the secret "webhook-key"',
      next: "Write secrets: ['webhook-key'] in the step, and deploy.",
      retriable: false,
      acted: 'no',
    });
  });

  it('that cannot be read fails the attempt as the store says', async () => {
    const made = withSecrets(async () => {
      throw new EngineError('SECRET_UNAVAILABLE', 'throttled');
    });
    expect(failureOf(await made.perform(step(sign, { secrets: ['webhook-key'] })))).toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: 'throttled',
      retriable: true,
      acted: 'no',
    });
    const none = outside();
    expect(failureOf(await none.perform(step(sign, { secrets: ['webhook-key'] }))).message).toBe(
      'there are no secrets here, and the step wants "webhook-key"',
    );
  });
});
