import { describe, expect, it } from 'vitest';
import { inStore, refusal, sentBy, testDesk } from './desk.ts';

const BASE = 'https://api.example/v1';
const SECRETS = { key: 'k&y 1', token: 'T0/B0/x y', tenant: 'acme', app: 'a-1' };

describe('secrets of one target', () => {
  it('go each to its place: headers, query, path and host', async () => {
    const targets = testDesk({ ...SECRETS }).targets({
      api: {
        baseUrl: 'https://{tenant}.example/bot{token}',
        secrets: [
          inStore('key', { query: 'api_key' }),
          inStore('token', { path: 'token' }),
          inStore('tenant', { path: 'tenant' }),
          inStore('app', { header: 'X-App', prefix: 'app ' }),
        ],
      },
    });
    const { target, sent } = await sentBy(targets, 'api', { path: '/send?to=me' });
    expect(sent.url).toBe('https://acme.example/botT0/B0/x%20y/send?to=me&api_key=k%26y%201');
    expect(sent.headers).toEqual({ 'x-app': 'app a-1' });
    expect(target.secrets).toEqual(expect.arrayContaining(Object.values(SECRETS)));
  });

  it('may stand in the path of one request, and not in that of another', async () => {
    const targets = testDesk({ ...SECRETS }).targets({
      hooks: { baseUrl: BASE, secrets: [inStore('token', { path: 'hook' })] },
    });
    expect((await sentBy(targets, 'hooks', { path: '/services/{hook}' })).sent.url).toBe(
      `${BASE}/services/T0/B0/x%20y`,
    );
    expect((await sentBy(targets, 'hooks', { path: '/health?{hook}' })).sent.url).toBe(
      `${BASE}/health?{hook}`,
    );
  });

  it('begin the query of a request that has none', async () => {
    const targets = testDesk({ ...SECRETS }).targets({
      api: { baseUrl: BASE, secrets: [inStore('app', { query: 'key' })] },
    });
    expect((await sentBy(targets, 'api', { path: '/a' })).sent.url).toBe(`${BASE}/a?key=a-1`);
  });

  it('are refused where a request leaves no room for them, or a value would lead elsewhere', async () => {
    const desk = testDesk({ ...SECRETS, up: 'a/../b', host: 'evil.example/' });
    const targets = desk.targets({
      api: { baseUrl: BASE, secrets: [inStore('app', { query: 'key' }), inStore('up', { path: 'up' })] },
      host: { baseUrl: 'https://{host}.example', secrets: [inStore('host', { path: 'host' })] },
    });
    const taken = await refusal(sentBy(targets, 'api', { path: '/a?key=1' }));
    expect(taken.code).toBe('TARGET_MISSING');
    expect(taken.message).toBe(
      'target "api": the request has the parameter "key", which is that of a secret',
    );
    expect(taken.next).toContain('the secrets in the settings of the target');
    expect((await refusal(sentBy(targets, 'api', { path: '/a/{upp}' }))).message).toBe(
      'target "api": the path of the request has {upp}, and no secret of the target has that place',
    );
    expect((await refusal(sentBy(targets, 'api', { path: '/a/{up}' }))).message).toBe(
      'target "api": the secret for {up} in the path has an empty segment, "." or ".."',
    );
    expect((await refusal(sentBy(targets, 'host', {}))).message).toBe(
      'target "host": the secret for {host} in the host of the base URL is no name of a host',
    );
  });
});
