import { describe, expect, it } from 'vitest';
import { path, target } from '../../../lib/chain/index.ts';

const payments = target('payments');
/** As code without types calls it. */
const untyped = path as (...args: unknown[]) => unknown;
const sent = (made: ReturnType<typeof path>): string => payments.get(made).path;

describe('a path with values', () => {
  it('goes where a plain path goes', () => {
    const id = 'ch_1';
    expect(payments.post(path`/charges/${id}/capture`, { amount: 1 })).toEqual({
      target: 'payments',
      method: 'POST',
      path: '/charges/ch_1/capture',
      body: { amount: 1 },
    });
    expect(sent(path`/charges`)).toBe('/charges');
    expect(sent(path`/charges/${id}?expand=customer`)).toBe('/charges/ch_1?expand=customer');
  });

  it.each<readonly [string | number | boolean, string]>([
    ['a b', 'a%20b'],
    ['a/b', 'a%2Fb'],
    ['a\\b', 'a%5Cb'],
    ['a?b#c', 'a%3Fb%23c'],
    ['%2e%2e', '%252e%252e'],
    ['a;b', 'a%3Bb'],
    ['Zoë 😀', 'Zo%C3%AB%20%F0%9F%98%80'],
    ['a\r\nhost: evil', 'a%0D%0Ahost%3A%20evil'],
    ['...', '...'],
    ['.well-known', '.well-known'],
    [' ', '%20'],
    [0, '0'],
    [-1.5, '-1.5'],
    [false, 'false'],
  ])('encodes the value %j as one segment', (value, encoded) => {
    expect(sent(path`/charges/${value}`)).toBe(`/charges/${encoded}`);
    expect(sent(path`/charges/${value}/capture`)).toBe(`/charges/${encoded}/capture`);
    expect(sent(path`/charges/v${value}`)).toBe(`/charges/v${encoded}`);
  });

  const DOTS = 'is or holds a "." or ".." segment, which leads to another resource';
  it.each<readonly [string, unknown, string]>([
    ['an empty text', '', 'is empty, which leads to another resource'],
    ['one dot', '.', DOTS],
    ['two dots', '..', DOTS],
    ['a way up', '../admin', DOTS],
    ['a way up inside', 'a/../b', DOTS],
    ['a way up with backslashes', 'a\\..\\b', DOTS],
    ['a way up with a parameter', '..;/admin', DOTS],
    ['nothing', undefined, 'is undefined, not text, a number or a boolean'],
    ['null', null, 'is null, not text'],
    ['no number', Number.NaN, 'is NaN, not text'],
    ['an object', { id: 'ch_1' }, 'is an object, not text'],
    ['a list', ['ch_1'], 'is a list, not text'],
    ['a function', () => 'ch_1', 'is a function, not text'],
    ['half of a pair', 'a\ud800', 'is not well-formed text'],
  ])('refuses %s as a value, and shows no value', (_, value, why) => {
    const parts = Object.assign(['/charges/', '/lines/', ''], { raw: [] });
    const build = () => untyped(parts, 'secret-id', value);
    expect(build).toThrow(TypeError);
    expect(build).toThrow(`path: "/charges/{1}/lines/{2}" has a value {2} that ${why}`);
    expect(build).not.toThrow('secret-id');
  });

  it('refuses what leads elsewhere only together with what stands beside it', () => {
    expect(() => path`/files/..${';x'}/admin`).toThrow('leads to another resource');
    expect(() => path`/files/..${'/admin'}`).toThrow('leads to another resource');
    expect(() => path`/files/.${'.'}`).toThrow(DOTS);
  });

  it.each([
    [() => path`charges/${1}`, 'does not begin with "/"'],
    [() => path`/a b/${1}`, 'which encodes each value'],
    [() => path`/..%${'2fadmin'}`, 'path: "/..%{1}" has a value within "%…"'],
    [() => path`/..%2${'fadmin'}`, 'has a value within "%…"'],
    [() => path`/a%2fb/${1}`, 'has an encoded "/"'],
    [() => path`/a/../${1}`, 'leads to another resource'],
    [
      () => path`/charges?limit=${1}`,
      'has a value behind "?"; write the query as an option: { query: { limit: 10 } }',
    ],
  ])('refuses what a plain path may not hold (%#)', (build, why) => {
    expect(build).toThrow(TypeError);
    expect(build).toThrow(why);
  });

  it('says how it is written where it is called as a function', () => {
    expect(() => untyped('/charges')).toThrow(
      'path is called with a text: write it before a template, as in path`/charges/',
    );
  });
});

describe('the query of a request', () => {
  const to = (query: object, at = '/charges') =>
    payments.get(at, { query: query as Record<string, string> }).path;

  it('is written behind the path, lists once for each value', () => {
    expect(payments.get('/charges', { query: { limit: 10, tag: ['a', 'b'] } })).toEqual({
      target: 'payments',
      method: 'GET',
      path: '/charges?limit=10&tag=a&tag=b',
    });
    expect(payments.post(path`/charges/${1}`, { a: 1 }, { query: { dry: true } }).path).toBe(
      '/charges/1?dry=true',
    );
    expect(payments.delete('/a', { query: { force: false } }).path).toBe('/a?force=false');
  });

  it('leaves out null and undefined, and is not there where nothing is left', () => {
    expect(to({ a: null, b: undefined, c: [null, 1, undefined], d: '' })).toBe('/charges?c=1&d=');
    expect(to({ a: null, b: [], c: undefined })).toBe('/charges');
    expect(to({})).toBe('/charges');
  });

  it('goes on a query that the path has', () => {
    expect(to({ b: 2 }, '/charges?a=1')).toBe('/charges?a=1&b=2');
  });

  it('encodes names and values, a space as %20', () => {
    expect(to({ 'created[gte]': 1, q: 'a b+c&d=é/../#', 'x y': '%' })).toBe(
      '/charges?created%5Bgte%5D=1&q=a%20b%2Bc%26d%3D%C3%A9%2F..%2F%23&x%20y=%25',
    );
  });

  it.each<readonly [object, string]>([
    [
      { at: { gte: 1 } },
      `payments.get: the query "at" holds an object, not text, a number or a boolean; write nested names out, as in { 'created[gte]': 1767225600 }`,
    ],
    [{ at: [[1]] }, 'the query "at" holds a list'],
    [{ at: new Date(0) }, 'the query "at" holds an object'],
    [{ at: Number.POSITIVE_INFINITY }, 'the query "at" holds Infinity'],
    [[1], 'payments.get: the query is a list, not an object such as { limit: 10 }'],
  ])('refuses %j', (query, why) => {
    expect(() => to(query)).toThrow(TypeError);
    expect(() => to(query)).toThrow(why);
  });
});
