import { describe, expect, it } from 'vitest';
import { proxiesOf as none } from '../../../lib/adapters/http/no-proxy.ts';
import { proxiesOf } from '../../../lib/adapters/http/proxy.ts';
import { EngineError } from '../../../lib/engine/errors.ts';

type Env = Readonly<Record<string, string>>;

/** The proxy of a URL, as errors call it. */
const proxyOf = (env: Env, url: string): string | undefined => proxiesOf(env)?.of(new URL(url))?.host;

const A = 'http://a.test:1';
const B = 'http://b.test:2';

describe('the proxy of a call', () => {
  it.each<[string, Env, string | undefined, string | undefined]>([
    ['no variable', {}, undefined, undefined],
    ['one for each scheme', { HTTPS_PROXY: A, HTTP_PROXY: B }, 'a.test:1', 'b.test:2'],
    ['one for https alone', { HTTPS_PROXY: A }, 'a.test:1', undefined],
    ['one for http alone', { http_proxy: B }, undefined, 'b.test:2'],
    ['lower case before upper case', { https_proxy: B, HTTPS_PROXY: A }, 'b.test:2', undefined],
    [
      'an empty one, which means none',
      { https_proxy: '', HTTPS_PROXY: A, HTTP_PROXY: ' ' },
      undefined,
      undefined,
    ],
    ['one for all, which is not read', { ALL_PROXY: A, all_proxy: A }, undefined, undefined],
    [
      'a host of NO_PROXY',
      { HTTPS_PROXY: A, HTTP_PROXY: A, NO_PROXY: 'api.test:443' },
      undefined,
      'a.test:1',
    ],
    ['NO_PROXY in lower case first', { HTTPS_PROXY: A, no_proxy: '', NO_PROXY: '*' }, 'a.test:1', undefined],
  ])('is by %s', (_, env, ofHttps, ofHttp) => {
    expect(proxyOf(env, 'https://api.test/x')).toBe(ofHttps);
    expect(proxyOf(env, 'http://api.test/x')).toBe(ofHttp);
  });

  it('is none for this machine, whatever the variables say', () => {
    const env = { HTTPS_PROXY: A, HTTP_PROXY: A, NO_PROXY: 'x.test' };
    for (const host of ['localhost', '127.0.0.1:3001', '127.8.8.8', '[::1]:3001', 'payments.localhost']) {
      expect(proxyOf(env, `http://${host}/`)).toBeUndefined();
      expect(proxyOf(env, `https://${host}/`)).toBeUndefined();
    }
  });

  it('is the same object for every call: its connections are found by it', () => {
    const proxies = proxiesOf({ HTTPS_PROXY: A });
    expect(proxies?.of(new URL('https://x.test'))).toBe(proxies?.of(new URL('https://y.test')));
  });
});

describe('the variables', () => {
  it.each([
    [
      { https_proxy: 'me:s3cret@proxy:3128' },
      'the environment variable https_proxy must begin with http:// or https://',
    ],
    [
      { HTTP_PROXY: 'socks5://me:s3cret@proxy' },
      'the environment variable HTTP_PROXY must begin with http:// or https://',
    ],
    [
      { HTTPS_PROXY: 'http://:s3cret@' },
      'the environment variable HTTPS_PROXY is no URL; write http://host:port',
    ],
  ])('that name no proxy are refused by their names, without their values: %j', (env, message) => {
    const refused = (): unknown => proxiesOf(env);
    expect(refused).toThrow(EngineError);
    expect(refused).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
    expect(refused).toThrow(message);
    expect(refused).not.toThrow('s3cret');
  });

  it('that say no host are passed over with a note', () => {
    expect(proxiesOf({ HTTPS_PROXY: A, NO_PROXY: 'x.test,10.0.0.1-10.0.0.9' })?.notes).toEqual([
      'NO_PROXY: "10.0.0.1-10.0.0.9" is passed over; write a host, .suffix, an address, a range such as 10.0.0.0/8, or *',
    ]);
  });

  it('are not read by the bundles of a stage without a proxy', () => {
    expect(none()).toBeUndefined();
  });
});
