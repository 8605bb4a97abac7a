import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as bodyText } from 'node:stream/consumers';
import { beforeEach, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, form, path, target } from '../../lib/chain/index.ts';
import { startAnswer } from '../../lib/contract/wire.ts';
import { openListener } from '../../lib/local/demo/http.ts';
import { startLocal } from '../../lib/local/process.ts';
import { closers } from '../support/closers.ts';
import { completed, QUIET, show } from './process-support.ts';

const crm = target('crm');
const maps = target('maps');
const sms = target('sms', { idempotency: 'none' });
const hooks = target('hooks');

/** Four APIs, each of which wants to be signed in to in another way. */
const signing = chain('signing', {
  version: 1,
  start: '/api/signing',
  input: z.strictObject({ name: z.string() }),
})
  .step('contact', {
    request: ({ input }) => crm.post('/contacts', { name: input.name }),
    response: z.object({ id: z.string() }),
  })
  .step('route', {
    request: ({ results }) => maps.get(path`/routes/${results.contact.id}`),
    response: z.object({ km: z.number() }),
    retries: 0,
  })
  .step('tell', {
    targets: [sms, hooks],
    secrets: ['webhook-key'],
    run: async ({ call, secret, results }) => {
      const text = `${results.route.km} km`;
      await call('text', sms).post('/Accounts/AC1/Messages.json', form({ Body: text }));
      const signature = createHmac('sha256', await secret('webhook-key'))
        .update(text)
        .digest('hex');
      const { body } = await call('hook', hooks).post('/services/{hook}', { text, signature });
      return z.object({ seen: z.string() }).parse(body);
    },
  })
  .output(({ results }) => ({ seen: results.tell?.seen ?? null }));

const ENV = {
  STEPLINE_TEST_CRM_SECRET: 'crm s3cret',
  STEPLINE_TEST_MAPS_KEY: 'maps&key',
  STEPLINE_TEST_SMS_TOKEN: 'sms-token',
  STEPLINE_TEST_HOOK: 'T0/B0/hook-token',
  STEPLINE_SECRET_WEBHOOK_KEY: 'webhook-s3cret',
};

interface Servers {
  readonly baseUrl: string;
  /** Tokens that hold. */
  readonly tokens: Set<string>;
  given: number;
  readonly seen: string[];
}

async function servers(): Promise<Servers> {
  const made = { baseUrl: '', tokens: new Set<string>(), given: 0, seen: [] as string[] };
  const answer = (request: IncomingMessage, body: string): [number, unknown] => {
    const { url } = request;
    const auth = request.headers.authorization;
    made.seen.push(`${request.method} ${url}`);
    const basic = (pair: string): boolean => auth === `Basic ${Buffer.from(pair).toString('base64')}`;
    if (url === '/token') {
      if (!basic('stepline:crm+s3cret')) return [401, { error: 'invalid_client' }];
      made.given += 1;
      made.tokens.add(`token-${made.given}`);
      return [200, { access_token: `token-${made.given}`, token_type: 'bearer', expires_in: 3_600 }];
    }
    if (url === '/crm/contacts')
      return made.tokens.has(auth?.slice(7) ?? '') ? [201, { id: 'c-1' }] : [401, {}];
    if (url === '/maps/routes/c-1?key=maps%26key') return [200, { km: 12 }];
    if (url === '/sms/Accounts/AC1/Messages.json')
      return basic('AC1:sms-token') && body === 'Body=12+km' ? [201, {}] : [401, {}];
    if (url === '/hooks/services/T0/B0/hook-token') return [200, { seen: JSON.parse(body).signature }];
    return [404, { error: `nothing at ${url}` }];
  };
  const listener = await openListener(
    async (request, response) => {
      const [status, body] = answer(request, await bodyText(request));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    },
    '127.0.0.1',
    0,
  );
  closers.push(() => listener.close());
  return Object.assign(made, { baseUrl: `http://127.0.0.1:${listener.port}` });
}

beforeEach(() => {
  Object.assign(process.env, ENV);
  closers.push(() => {
    for (const name of Object.keys(ENV)) delete process.env[name];
  });
});

const settingsOf = ({ baseUrl }: Servers) => ({
  crm: {
    baseUrl: `${baseUrl}/crm`,
    auth: {
      type: 'oauth2',
      tokenUrl: `${baseUrl}/token`,
      clientId: 'stepline',
      clientSecret: { store: 'env', name: 'STEPLINE_TEST_CRM_SECRET' },
    },
  },
  maps: {
    baseUrl: `${baseUrl}/maps`,
    secrets: [{ store: 'env', name: 'STEPLINE_TEST_MAPS_KEY', query: 'key' }],
  },
  sms: {
    baseUrl: `${baseUrl}/sms`,
    auth: { type: 'basic', user: 'AC1', password: { store: 'env', name: 'STEPLINE_TEST_SMS_TOKEN' } },
  },
  hooks: {
    baseUrl: `${baseUrl}/hooks`,
    secrets: [{ store: 'env', name: 'STEPLINE_TEST_HOOK', path: 'hook' }],
  },
});

async function local(settings: object) {
  const directory = mkdtempSync(join(tmpdir(), 'stepline-signing-'));
  closers.push(() => rmSync(directory, { recursive: true }));
  const targets = join(directory, 'targets.json');
  writeFileSync(targets, JSON.stringify(settings));
  const log: string[] = [];
  const started = await startLocal(
    [signing],
    { ...QUIET, targets, logLevel: 'debug' },
    { readable: false, say: (line) => log.push(line) },
  );
  closers.push(() => started.stop());
  const begin = async (): Promise<string> => {
    const body = JSON.stringify({ name: 'Ada' });
    const reply = await fetch(`${started.baseUrl}/api/signing`, { method: 'POST', body });
    return startAnswer.parse(await reply.json()).workflowId;
  };
  return { ...started, begin, log };
}

it('signs in to each API as that wants it, for all its workflows, and shows none of its secrets', async () => {
  const apis = await servers();
  const { baseUrl, begin, log } = await local(settingsOf(apis));
  const ids = await Promise.all([begin(), begin(), begin()]);
  for (const id of ids) {
    const { seen } = await completed(baseUrl, id);
    expect(seen).toBe(createHmac('sha256', ENV.STEPLINE_SECRET_WEBHOOK_KEY).update('12 km').digest('hex'));
  }
  expect(apis.given).toBe(1);
  const shown = log.join('\n') + JSON.stringify(await Promise.all(ids.map((id) => show(baseUrl, id))));
  for (const secret of [...Object.values(ENV), 'token-1']) expect(shown).not.toContain(secret);
});

it('says in one sentence which variable is missing, before it starts', async () => {
  const apis = await servers();
  delete process.env.STEPLINE_TEST_SMS_TOKEN;
  await expect(local(settingsOf(apis))).rejects.toThrow(
    'the target "sms" has "auth.password" in the environment variable "STEPLINE_TEST_SMS_TOKEN", which is not set',
  );
});

it('stops at the step whose secret of code is missing, and says what to set', async () => {
  const apis = await servers();
  delete process.env.STEPLINE_SECRET_WEBHOOK_KEY;
  const { baseUrl, begin } = await local(settingsOf(apis));
  const id = await begin();
  await expect.poll(async () => (await show(baseUrl, id)).status).toBe('failed');
  const { error } = await show(baseUrl, id);
  expect(error).toMatchObject({ step: 'tell', code: 'TARGET_MISSING' });
  expect(error?.next).toContain(
    'Set it: export STEPLINE_SECRET_WEBHOOK_KEY="$(cat secret.txt)". Then start again',
  );
  expect(error?.detail).toBe('secret "STEPLINE_SECRET_WEBHOOK_KEY" of the step is not set');
});
