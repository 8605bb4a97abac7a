import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stores } from '../../../lib/adapters/targets/stores/all.ts';
import { createSecretReader } from '../../../lib/adapters/targets/stores/reader.ts';
import { createTargets, type TargetsOptions } from '../../../lib/adapters/targets/targets.ts';
import { ADVICE } from '../../../lib/contract/advice.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { SecretReference } from '../../../lib/contract/secrets.ts';
import { EngineError } from '../../../lib/engine/errors.ts';
import type { Targets } from '../../../lib/engine/ports.ts';
import { CARD, failureOf, outside, postCharge, reply, stepOf } from '../../engine/call-fixtures.ts';
import { newer } from './desk.ts';

const NAME = 'stepline/dev/payments';
const BASE = 'https://pay.example/v1';

const secretsManager = mockClient(SecretsManagerClient);
const ssm = mockClient(SSMClient);
beforeEach(() => {
  secretsManager.reset();
  ssm.reset();
});
afterEach(() => {
  vi.useRealTimers();
});

const client = { region: 'eu-central-1' };
const reader = () => createSecretReader(stores, client);

const IN_SECRETS_MANAGER: SecretReference = {
  store: 'secrets-manager',
  name: NAME,
  header: 'authorization',
  prefix: 'Bearer ',
};
const IN_SSM: SecretReference = { ...IN_SECRETS_MANAGER, store: 'ssm', name: `/${NAME}` };

const targetsOf = (settings: TargetsOptions['settings'], from = reader()): Targets =>
  createTargets({
    ...{ settings, reader: from, secrets: {}, authKinds: {}, env: {}, clock: { now: () => Date.now() } },
    http: { call: async () => Promise.reject(new Error('nothing is called')) },
    remedy: (what, name) => `Add the ${what} "${name}".`,
  });

/** Targets of which `payments` has this secret. */
const targetsWith = (secret: Partial<SecretReference> = {}): Targets =>
  targetsOf({
    payments: {
      baseUrl: BASE,
      headers: { 'x-mode': 'test' },
      secret: { ...IN_SECRETS_MANAGER, ...secret },
    },
    mail: { baseUrl: 'https://mail.example', headers: { 'x-mode': 'live' } },
  });

/** Both stores hold this. */
function hold(text: string): void {
  secretsManager.on(GetSecretValueCommand).resolves({ SecretString: text });
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: text } });
}

/** What a service throws, or the network below it. */
const thrown = (name: string, message = 'the secret was s3cret'): Error =>
  Object.assign(new Error(message), { name });

function refuse(error: Error): void {
  secretsManager.on(GetSecretValueCommand).rejects(error);
  ssm.on(GetParameterCommand).rejects(error);
}

const errorOf = async (targets: Targets): Promise<EngineError> => {
  try {
    await targets.resolve('payments');
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error('no EngineError was thrown');
};

const headersOf = async (targets: Targets) => (await targets.resolve('payments')).headers;

describe('a target without a secret', () => {
  it('is resolved at once, and nothing is read', () => {
    const targets = targetsWith();
    expect(targets.resolve('mail')).toEqual({
      baseUrl: 'https://mail.example',
      headers: { 'x-mode': 'live' },
    });
    expect(secretsManager.calls()).toEqual([]);
  });
});

describe.each(['shipping', 'toString', '__proto__'])(
  'a target that the function was not given (%s)',
  (name) => {
    it('is missed at once, with what it was given and where to look', () => {
      expect(() => targetsWith().resolve(name)).toThrow(
        expect.objectContaining({
          code: 'TARGET_MISSING',
          message: `there is no target "${name}" in the settings; there are "payments", "mail"`,
          next: `Add the target "${name}".`,
        }),
      );
      expect(() => targetsOf({}, reader()).resolve(name)).toThrow('; there are none at all');
    });
  },
);

describe('a secret', () => {
  it('of Secrets Manager is sent in its header, beside the target’s own headers', async () => {
    hold('s3cret');
    expect(await targetsWith().resolve('payments')).toMatchObject({
      baseUrl: BASE,
      headers: { 'x-mode': 'test', authorization: 'Bearer s3cret' },
      secrets: ['s3cret'],
    });
    expect(secretsManager.commandCalls(GetSecretValueCommand)[0]?.args[0].input).toEqual({ SecretId: NAME });
  });

  it('of Systems Manager is decrypted', async () => {
    hold('s3cret');
    expect(await headersOf(targetsWith(IN_SSM))).toMatchObject({ authorization: 'Bearer s3cret' });
    expect(ssm.commandCalls(GetParameterCommand)[0]?.args[0].input).toEqual({
      Name: `/${NAME}`,
      WithDecryption: true,
    });
  });

  it('is sent as it is where there is no prefix, in whatever header is asked for', async () => {
    hold('s3cret');
    expect(await headersOf(targetsWith({ header: 'x-api-key', prefix: '' }))).toEqual({
      'x-mode': 'test',
      'x-api-key': 's3cret',
    });
  });

  it('may be one field of a JSON object', async () => {
    hold(JSON.stringify({ user: 'ada', apiKey: 's3cret\n' }));
    expect(await headersOf(targetsWith({ field: 'apiKey' }))).toMatchObject({
      authorization: 'Bearer s3cret',
    });
  });

  it.each(['s3cret\n', 's3cret\r\n', 's3cret \t\n\n'])(
    'loses the white space at its end: %j',
    async (text) => {
      hold(text);
      expect(await headersOf(targetsWith())).toMatchObject({ authorization: 'Bearer s3cret' });
    },
  );

  it('keeps the white space within it', async () => {
    hold(' two words');
    expect(await headersOf(targetsWith({ prefix: '' }))).toMatchObject({ authorization: ' two words' });
  });
});

describe.each<[string, SecretReference, () => number]>([
  ['Secrets Manager', IN_SECRETS_MANAGER, () => secretsManager.calls().length],
  ['Systems Manager', IN_SSM, () => ssm.calls().length],
])('a secret of %s', (_store, secret, reads) => {
  it('is read once a minute, and a rotated one is picked up then', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const targets = targetsWith(secret);
    hold('old');
    await headersOf(targets);
    hold('new');
    vi.advanceTimersByTime(LIMITS.secretAge * 1_000);
    expect(await headersOf(targets)).toMatchObject({ authorization: 'Bearer old' });
    expect(reads()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await headersOf(targets)).toMatchObject({ authorization: 'Bearer new' });
    expect(reads()).toBe(2);
  });

  it('is read once by all who ask at the same time', async () => {
    hold('s3cret');
    const targets = targetsWith(secret);
    const all = await Promise.all(Array.from({ length: 10 }, () => headersOf(targets)));
    for (const headers of all) expect(headers).toMatchObject({ authorization: 'Bearer s3cret' });
    expect(reads()).toBe(1);
  });

  it('that could not be read fails all who asked at the same time, and is read again by the next', async () => {
    refuse(thrown('ThrottlingException'));
    const targets = targetsWith(secret);
    const codes = await Promise.all([errorOf(targets), errorOf(targets)]);
    expect(codes.map(({ code }) => code)).toEqual(['SECRET_UNAVAILABLE', 'SECRET_UNAVAILABLE']);
    expect(reads()).toBe(1);
    hold('s3cret');
    expect(await headersOf(targets)).toMatchObject({ authorization: 'Bearer s3cret' });
  });

  it.each(['', '\n', 's3cret\u0000', '{'])(
    'that cannot be used (%j) is read again by the next: who mended it need not wait',
    async (text) => {
      const targets = targetsWith({ ...secret, field: 'apiKey' });
      hold(text);
      expect(await errorOf(targets)).toMatchObject({ code: 'TARGET_MISSING' });
      hold('{"apiKey":"s3cret"}');
      expect(await headersOf(targets)).toMatchObject({ authorization: 'Bearer s3cret' });
      expect(await headersOf(targets)).toMatchObject({ authorization: 'Bearer s3cret' });
      expect(reads()).toBe(2);
    },
  );

  it('that cannot be used is not met again after a read that failed', async () => {
    const targets = targetsWith(secret);
    hold('');
    expect(await errorOf(targets)).toMatchObject({ code: 'TARGET_MISSING' });
    refuse(thrown('ThrottlingException'));
    expect(await errorOf(targets)).toMatchObject({ code: 'SECRET_UNAVAILABLE' });
    hold('s3cret');
    expect(await headersOf(targets)).toMatchObject({ authorization: 'Bearer s3cret' });
  });
});

it('two fields of one secret, for two targets, are one read', async () => {
  hold('{"pay":"one","mail":"two"}');
  const targets = targetsOf(
    {
      payments: { baseUrl: BASE, headers: {}, secret: { ...IN_SECRETS_MANAGER, field: 'pay' } },
      mail: { baseUrl: BASE, headers: {}, secret: { ...IN_SECRETS_MANAGER, field: 'mail', prefix: '' } },
    },
    reader(),
  );
  const found = await Promise.all([targets.resolve('payments'), targets.resolve('mail')]);
  expect(found.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'two']);
  expect(secretsManager.calls()).toHaveLength(1);
});

it('secrets of one name in two stores are two secrets', async () => {
  secretsManager.on(GetSecretValueCommand).resolves({ SecretString: 'one' });
  ssm.on(GetParameterCommand).resolves({ Parameter: { Value: 'two' } });
  const targets = targetsOf(
    {
      payments: { baseUrl: BASE, headers: {}, secret: { ...IN_SECRETS_MANAGER, name: 'same' } },
      mail: { baseUrl: BASE, headers: {}, secret: { ...IN_SSM, name: 'same' } },
    },
    reader(),
  );
  const found = await Promise.all([targets.resolve('payments'), targets.resolve('mail')]);
  expect(found.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two']);
});

it('the client of a store is made once, when its first secret is read', async () => {
  const made: string[] = [];
  const { read } = createSecretReader(
    {
      'secrets-manager': ({ region = '' }) => {
        made.push(region);
        return async (name) => name;
      },
    },
    client,
  );
  expect(made).toEqual([]);
  expect(await read('secrets-manager', 'one')).toBe('one');
  await read('secrets-manager', 'two');
  expect(made).toEqual(['eu-central-1']);
});

it('a store that the bundle does not hold is no secret of somebody’s to mend', async () => {
  for (const store of ['ssm', 'env'] as const) {
    await expect(createSecretReader({}, client).read(store, 'one')).rejects.toThrow(
      `secrets of the store "${store}" cannot be read by this bundle`,
    );
  }
});

describe('a secret that someone has to mend fails the step for good, and no message holds a value:', () => {
  const mended = async (
    problem: string,
    secret: Partial<SecretReference> = {},
    next = ADVICE.TARGET_MISSING,
  ): Promise<void> => {
    const error = await errorOf(targetsWith(secret));
    const { name = NAME } = secret;
    expect(error.message).toBe(`secret "${name}" of target "payments" ${problem}`);
    expect(error).toMatchObject({ code: 'TARGET_MISSING', retriable: false, next });
    expect(error).not.toHaveProperty('cause');
    // All of it must fit into a stored error.
    expect(error.message.length).toBeLessThanOrEqual(LIMITS.errorText);
  };

  const DECRYPT = 'Allow the step’s function kms:Decrypt, and check that the key of the secret is enabled.';
  it.each<[string, SecretReference, string, string]>([
    [
      'ResourceNotFoundException',
      IN_SECRETS_MANAGER,
      'does not exist, or has no value',
      `Make it: aws secretsmanager create-secret --name ${IN_SECRETS_MANAGER.name} --secret-string file://secret.txt.`,
    ],
    [
      'ParameterNotFound',
      IN_SSM,
      'does not exist, or has no value',
      `Make it: aws ssm put-parameter --name ${IN_SSM.name} --type SecureString --value file://secret.txt.`,
    ],
    [
      'AccessDeniedException',
      IN_SECRETS_MANAGER,
      'may not be read, or does not exist',
      `Make it if it does not exist: aws secretsmanager create-secret --name ${IN_SECRETS_MANAGER.name} --secret-string file://secret.txt. Else allow the step’s function secretsmanager:GetSecretValue, and kms:Decrypt where the secret has a key of its own.`,
    ],
    [
      'AccessDeniedException',
      IN_SSM,
      'may not be read, or does not exist',
      `Make it if it does not exist: aws ssm put-parameter --name ${IN_SSM.name} --type SecureString --value file://secret.txt. Else allow the step’s function ssm:GetParameter, and kms:Decrypt where the secret has a key of its own.`,
    ],
    ['DecryptionFailure', IN_SECRETS_MANAGER, 'cannot be decrypted', DECRYPT],
    ['InvalidKeyId', IN_SSM, 'cannot be decrypted', DECRYPT],
    [
      'InvalidRequestException',
      IN_SECRETS_MANAGER,
      'cannot be read in the state that it is in',
      'Check whether the secret is scheduled for deletion, and restore it.',
    ],
    [
      'ValidationException',
      IN_SSM,
      'has a name that its store does not take',
      'Correct the name in the targets of the stage in bin/stages.ts, and deploy.',
    ],
  ])('%s', async (name, secret, problem, next) => {
    refuse(thrown(name));
    await mended(problem, secret, next);
  });

  it.each([IN_SECRETS_MANAGER, IN_SSM])('an empty one of $store', async (secret) => {
    hold('');
    await mended('is empty', secret);
    hold(' \n');
    await mended('is empty', secret);
  });

  it('one that is binary', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretBinary: Buffer.from('s3cret') });
    await mended('is binary; save it as text');
  });

  it.each([
    ['no JSON', 's3cret'],
    ['JSON that was cut', '{"apiKey":"s3cret'],
    ['a list', '["s3cret"]'],
    ['null', 'null'],
    ['an object without the field', '{"key":"s3cret"}'],
    ['an object whose field is no text', '{"apiKey":{"s3cret":1}}'],
  ])('one with a field that is %s', async (_what, text) => {
    hold(text);
    await mended('is no JSON object with a text in the field "apiKey"', { field: 'apiKey' });
  });

  it.each(['toString', '__proto__'])('one whose field %s is not the object’s own', async (field) => {
    hold('{"apiKey":"s3cret"}');
    await mended(`is no JSON object with a text in the field "${field}"`, { field });
  });

  it.each(['s3cret\nx-admin: yes', 's3\u0000cret', 's3crét €'])(
    'one that cannot be a header: %j',
    async (text) => {
      hold(text);
      await mended('has a character that HTTP does not allow');
      hold(JSON.stringify({ apiKey: text }));
      await mended('has a character that HTTP does not allow in its field "apiKey"', { field: 'apiKey' });
    },
  );

  it('one whose field is empty', async () => {
    hold('{"apiKey":" "}');
    await mended('is empty in its field "apiKey"', { field: 'apiKey' });
  });
});

describe.each([IN_SECRETS_MANAGER, IN_SSM])('a secret of $store that its target refuses', (secret) => {
  const reads = () => secretsManager.calls().length + ssm.calls().length;

  it('is read again at most once in ten seconds, and is news where it is another', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const targets = targetsWith(secret);
    hold('old');
    const first = await targets.resolve('payments');
    hold('new');
    // It was read for this very call.
    expect(await first.renewed?.(401)).toBeUndefined();
    vi.advanceTimersByTime(LIMITS.secretReread * 1_000 - 1);
    const second = await targets.resolve('payments');
    expect(await second.renewed?.(401)).toBe('tooSoon');
    // Most are about something else.
    expect(await second.renewed?.(403)).toBeUndefined();
    expect(reads()).toBe(1);
    vi.advanceTimersByTime(1);
    expect((await newer(second, 403)).headers).toMatchObject({ authorization: 'Bearer new' });
    expect(reads()).toBe(2);
    // Who resolved it before has the old one still; the store is not asked for him.
    expect((await newer(first, 401)).headers).toMatchObject({ authorization: 'Bearer new' });
    expect(reads()).toBe(2);
  });

  it('is asked for once by all whom the target refuses at the same time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const targets = targetsWith(secret);
    hold('old');
    const all = await Promise.all(Array.from({ length: 5 }, () => targets.resolve('payments')));
    vi.advanceTimersByTime(LIMITS.secretReread * 1_000);
    hold('new');
    const again = await Promise.all(all.map((one) => newer(one, 401)));
    expect(again.map((one) => one.headers.authorization)).toEqual(Array(5).fill('Bearer new'));
    expect(reads()).toBe(2);
  });
});

describe('a store of secrets that does not answer for now is asked again by a later attempt:', () => {
  it.each([
    'ThrottlingException',
    'TooManyRequestsException',
    'InternalServiceError',
    'InternalServerError',
    'TimeoutError',
    'CredentialsProviderError',
    'SyntaxError',
  ])('%s', async (name) => {
    refuse(thrown(name));
    for (const secret of [IN_SECRETS_MANAGER, IN_SSM]) {
      const error = await errorOf(targetsWith(secret));
      expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', retriable: true });
      expect(error.message).toBe(`secret "${secret.name}" of target "payments" could not be read: ${name}`);
      expect(error).not.toHaveProperty('cause');
    }
  });
});

describe('a call of a step', () => {
  const charge = stepOf({ request: postCharge });
  const calling = (targets: Targets) => {
    const made = outside();
    made.resolve = targets.resolve;
    return made;
  };

  it.each<[string, Partial<SecretReference>]>([
    ['Bearer ', {}],
    ['key=', { prefix: 'key=' }],
    ['no prefix', { prefix: '' }],
  ])('does not save a secret that its target echoes, sent with %s', async (_prefix, secret) => {
    hold('open sesame/1');
    const made = calling(targetsWith(secret));
    const header = `${secret.prefix ?? 'Bearer '}open sesame/1`;
    made.answer = reply({ header, secret: 'open sesame/1', escaped: 'open%20sesame%2F1', card: CARD }, 401);
    const { code, message } = failureOf(await made.perform(charge));
    expect(made.calls[0]?.request.headers).toMatchObject({ authorization: header });
    expect(code).toBe('REFUSED');
    expect(message).toBe(
      '401 Unauthorized; the reply was: header: ***; secret: ***; escaped: ***; card: ***',
    );
  });

  it('whose secret has to be mended fails for good and sent nothing', async () => {
    refuse(thrown('ResourceNotFoundException'));
    const made = calling(targetsWith());
    expect(failureOf(await made.perform(charge))).toEqual({
      code: 'TARGET_MISSING',
      message: `secret "${NAME}" of target "payments" does not exist, or has no value`,
      next: `Make it: aws secretsmanager create-secret --name ${NAME} --secret-string file://secret.txt.`,
      retriable: false,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });

  it('whose secret cannot be read for now is tried again and sent nothing', async () => {
    refuse(thrown('ThrottlingException'));
    const made = calling(targetsWith());
    expect(failureOf(await made.perform(charge))).toEqual({
      code: 'SECRET_UNAVAILABLE',
      message: `secret "${NAME}" of target "payments" could not be read: ThrottlingException`,
      next: ADVICE.SECRET_UNAVAILABLE,
      retriable: true,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });
});
