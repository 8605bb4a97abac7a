import { describe, expect, it } from 'vitest';
import { isLoopback, readNoProxy, readProxy } from '../../lib/contract/proxy.ts';

describe('the address of a proxy', () => {
  it.each([
    ['http://proxy.example.com:3128', 'http://proxy.example.com:3128/', undefined],
    ['HTTPS://proxy.example.com/', 'https://proxy.example.com/', undefined],
    ['http://[2001:db8::1]:8080', 'http://[2001:db8::1]:8080/', undefined],
    ['http://me:p%40ss@proxy:3128', 'http://proxy:3128/', 'me:p@ss'],
    ['http://me@proxy:3128', 'http://proxy:3128/', 'me:'],
    ['http://mü:%C3%BC@proxy', 'http://proxy/', 'mü:ü'],
  ])('%s is read', (text, href, user) => {
    const read = readProxy(text);
    if ('problem' in read) throw new Error(read.problem);
    expect(read.url.href).toBe(href);
    expect(read.authorization).toBe(
      user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`,
    );
  });

  it.each([
    ['without a scheme', 'me:s3cret@proxy:3128', 'must begin with http:// or https://'],
    ['of SOCKS', 'socks5://me:s3cret@proxy:1080', 'must begin with http:// or https://'],
    ['without a host', 'http://', 'is no URL'],
    ['without a host, with a user', 'http://me:s3cret@', 'is no URL'],
    ['with a port that is none', 'http://me:s3cret@proxy:99999', 'is no URL'],
    ['with a path', 'http://me:s3cret@proxy/s3cret', 'has a path or a query'],
    ['with a broken escape', 'http://me:s3cret%@proxy', 'write %25 for a %'],
  ])('%s is a problem that says what to write and quotes nothing', (_, text, problem) => {
    const read = readProxy(text);
    expect(read).toEqual({ problem: expect.stringContaining(problem) });
    expect(JSON.stringify(read)).toMatch(/; write /);
    expect(JSON.stringify(read)).not.toContain('s3cret');
  });
});

/** As a URL writes it. */
const has = (entries: string, url: string): boolean => {
  const { hostname, port, protocol } = new URL(url);
  return readNoProxy(entries).has(hostname, Number(port || (protocol === 'https:' ? 443 : 80)));
};

describe('NO_PROXY', () => {
  it.each([
    [
      'api.example.com',
      ['https://api.example.com', 'https://API.example.com.'],
      ['https://v1.api.example.com', 'https://myapi.example.com'],
    ],
    ['API.Example.com', ['https://api.example.com'], []],
    [
      '.example.com',
      ['https://api.example.com', 'http://a.b.example.com'],
      ['https://example.com', 'https://myexample.com'],
    ],
    ['*.example.com', ['https://api.example.com'], ['https://example.com']],
    ['*', ['https://example.com', 'http://10.0.0.1', 'http://[2001:db8::1]'], []],
    ['example.com:8443', ['https://example.com:8443'], ['https://example.com', 'https://example.com:843']],
    ['example.com:443', ['https://example.com'], ['http://example.com']],
    ['.example.com:80', ['http://api.example.com'], ['https://api.example.com']],
    ['10.1.2.3', ['http://10.1.2.3:99', 'http://0xa.1.2.3'], ['http://10.1.2.30', 'http://a10.1.2.3.test']],
    ['10.1.2.3:99', ['http://10.1.2.3:99'], ['http://10.1.2.3']],
    ['2001:DB8::1', ['http://[2001:db8:0::1]'], ['http://[2001:db8::2]']],
    ['[2001:db8::1]', ['http://[2001:db8::1]:99'], []],
    ['[2001:db8::1]:99', ['http://[2001:db8::1]:99'], ['http://[2001:db8::1]']],
    ['10.0.0.0/8', ['http://10.255.0.1', 'http://[::ffff:10.0.0.1]'], ['http://11.0.0.1', 'http://ten.test']],
    ['2001:db8::/32', ['http://[2001:db8:9::1]'], ['http://[2001:db9::1]', 'http://10.0.0.1']],
    ['bücher.example', ['https://bücher.example', 'https://xn--bcher-kva.example'], []],
    ['my_host', ['http://my_host'], ['http://my_host.test']],
    [' a.test,,b.test\tc.test , ', ['http://a.test', 'http://b.test', 'http://c.test'], ['http://d.test']],
    ['', [], ['http://a.test']],
  ])('%j is %j and not %j', (entries, inside, outside) => {
    expect(inside.filter((url) => !has(entries, url))).toEqual([]);
    expect(outside.filter((url) => has(entries, url))).toEqual([]);
    expect(readNoProxy(entries).unknown).toEqual([]);
  });

  it('passes over what says no host, and names it', () => {
    const entries = [
      'http://a.test',
      'a*.test',
      '*a.test',
      '10.1',
      '10.0.0.0/33',
      '10.0.0.1-10.0.0.9',
      'a.test:x',
      'a.test/8',
      '..',
      '[a]',
    ];
    const { has: direct, unknown } = readNoProxy([...entries, 'b.test'].join(','));
    expect(unknown).toEqual(entries);
    expect(direct('a.test', 80)).toBe(false);
    expect(direct('b.test', 80)).toBe(true);
  });
});

describe('this machine', () => {
  it.each([
    ['localhost', true],
    ['LOCALHOST.', true],
    ['api.localhost', true],
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['0x7f.1', true],
    ['[::1]', true],
    ['[::ffff:127.0.0.1]', true],
    ['notlocalhost', false],
    ['localhost.test', false],
    ['128.0.0.1', false],
    ['10.0.0.1', false],
    ['[::2]', false],
  ])('is %s: %s', (host, expected) => {
    expect(isLoopback(new URL(`http://${host}`).hostname)).toBe(expected);
  });
});
