import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../../lib/local/loopback/guard.ts';

const FRONT_END = 'http://localhost:5173';
const OPTIONS = { allowedOrigins: [FRONT_END], option: '--allow-origin' };
const HOST = 'localhost:3000';

const judged = (headers: Record<string, string | undefined>, port = 3_000) =>
  refusalOf({ port, headers: { host: HOST, ...headers } }, OPTIONS);

describe('a request passes', () => {
  it.each<[string, Record<string, string>]>([
    ['from a program that names the address', { host: '127.0.0.1:3000' }],
    ['from a program that names the machine', { host: 'LocalHost:3000' }],
    ['from a program that names the address of IPv6', { host: '[::1]:3000' }],
    ['from a user who typed its address', { 'sec-fetch-site': 'none' }],
    ['from a page of this server', { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-origin' }],
    [
      'from a page of an allowed origin, of this machine',
      { origin: FRONT_END, 'sec-fetch-site': 'same-site' },
    ],
    [
      'from a page of an allowed origin, called by address',
      { host: '127.0.0.1:3000', origin: FRONT_END, 'sec-fetch-site': 'cross-site' },
    ],
  ])('%s', (_, headers) => {
    expect(judged(headers)).toBeUndefined();
  });

  it('without a port, where that is the port of HTTP', () => {
    expect(judged({ host: 'localhost', origin: 'http://localhost' }, 80)).toBeUndefined();
    expect(judged({ host: 'localhost' })).toBeDefined();
  });
});

describe('a request is refused', () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ['without a Host', { host: undefined }, 'the request’s Host is missing'],
    ['of a name that leads here', { host: 'rebound.evil.test:3000' }, 'Host is "rebound.evil.test:3000"'],
    ['of another port', { host: 'localhost:3001' }, 'Host is "localhost:3001"'],
    [
      'of a name that only begins so',
      { host: 'localhost:3000.evil.test' },
      'answers only to 127.0.0.1:3000, localhost:3000, [::1]:3000',
    ],
    [
      'of a foreign name, even from an allowed origin',
      { host: 'evil.test', origin: FRONT_END },
      'Host is "evil.test"',
    ],
    [
      'from a page of another site',
      { origin: 'https://evil.test' },
      'start again with --allow-origin https://evil.test',
    ],
    [
      'from a page of another port',
      { origin: 'http://localhost:3001' },
      '"http://localhost:3001" may not call',
    ],
    ['from a page over another scheme', { origin: 'https://localhost:3000' }, 'may not call'],
    ['from a page whose origin only begins so', { origin: `${FRONT_END}.evil.test` }, 'may not call'],
    [
      'from a page that hides its origin',
      { origin: 'null' },
      'start again with --allow-origin the origin of your page',
    ],
    [
      'from another site that shows no origin',
      { 'sec-fetch-site': 'cross-site' },
      'a page of another site may not call',
    ],
    [
      'from another port that shows no origin',
      { 'sec-fetch-site': 'same-site' },
      'a page of another site may not call',
    ],
    [
      'of an own origin that its browser calls foreign',
      { origin: 'http://localhost:3000', 'sec-fetch-site': 'cross-site' },
      'may not call',
    ],
    ['of a word that Fetch Metadata may yet get', { 'sec-fetch-site': 'same-origin, none' }, 'may not call'],
  ])('%s', (_, headers, reason) => {
    expect(judged(headers)).toContain(reason);
  });

  it('in words of bounded length', () => {
    expect(judged({ origin: `https://${'x'.repeat(10_000)}` })?.length).toBeLessThan(1_000);
  });

  it('without naming an option where there is none', () => {
    const refusal = refusalOf(
      { port: 3_000, headers: { host: HOST, origin: FRONT_END } },
      { allowedOrigins: [] },
    );
    expect(refusal).toBe(
      'the page of "http://localhost:5173" may not call this server: call it from a terminal or a program',
    );
  });
});
