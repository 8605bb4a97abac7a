import { describe, expect, it } from 'vitest';
import { REQUEST_ID_HEADERS } from '../../../lib/contract/names.ts';
import { saidBy } from '../../../lib/engine/reply/said.ts';

describe('what a reply says', () => {
  it.each([
    [{ status: 404, body: 'gone' }, '404 Not Found; the reply was: gone'],
    [{ status: 404, body: '' }, '404 Not Found; the reply was empty'],
    [{ status: 404, body: ' \n' }, '404 Not Found; the reply was empty'],
    [{ status: 599, body: '' }, '599; the reply was empty'],
    [{ status: 200 }, '200 OK'],
    [{ status: 200, body: '', unreadable: 'it is not gzip' }, '200 OK'],
    [{}, 'nothing more is known'],
  ])('is its status and its beginning, and never nothing: %j', (said, text) => {
    expect(saidBy(said, [])).toBe(text);
  });

  it('is where it redirects to', () => {
    const headers = { location: 'https://new.example/v2' };
    expect(saidBy({ status: 308, headers, body: '' }, [])).toBe(
      '308 Permanent Redirect; location: https://new.example/v2; the reply was empty',
    );
    expect(saidBy({ status: 503, headers, body: '' }, [])).not.toContain('location');
    expect(saidBy({ status: 302, body: '' }, [])).toBe('302 Found; the reply was empty');
  });

  it('is how to sign in', () => {
    const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
    expect(saidBy({ status: 401, headers, body: 'no' }, [])).toBe(
      '401 Unauthorized; www-authenticate: Bearer error="invalid_token"; the reply was: no',
    );
    expect(saidBy({ status: 403, headers, body: 'no' }, [])).not.toContain('authenticate');
  });

  it.each(REQUEST_ID_HEADERS)('is the id of the request: %s', (name) => {
    expect(saidBy({ status: 500, headers: { [name]: 'r-1' } }, [])).toBe(
      `500 Internal Server Error; ${name}: r-1`,
    );
  });

  it('is two ids at most', () => {
    const headers = { 'cf-ray': 'a', 'x-amzn-requestid': 'b', 'request-id': 'c' };
    expect(saidBy({ status: 500, headers }, [])).toBe(
      '500 Internal Server Error; request-id: c; x-amzn-requestid: b',
    );
  });

  it('is short, however long its parts are', () => {
    const long = 'x'.repeat(16_000);
    const headers = { location: long, 'request-id': long, 'cf-ray': long };
    expect(saidBy({ status: 302, headers, body: long }, []).length).toBeLessThan(1_000);
  });

  it('has no secret in it, however a header spells it', () => {
    const secrets = ['tok/en 1', 'Zoë Söhne'];
    const asUtf8 = Buffer.from('Zoë Söhne').toString('latin1');
    for (const location of [
      '/a?token=tok%2Fen+1',
      '/a?token=tok%2fen%201&x=1',
      '/a?tok/en 1',
      `/a?${asUtf8}`,
      `/a?${encodeURIComponent('Zoë Söhne')}`,
    ]) {
      const text = saidBy({ status: 302, headers: { location } }, secrets);
      expect(text).toContain('***');
      expect(text).not.toMatch(/tok.?.?.?en 1|tok%|hne/i);
    }
    // In Latin-1 the secret is not found by its letters, so nothing is shown.
    expect(saidBy({ status: 302, headers: { location: '/a?Zoë Söhne' } }, secrets)).toBe('302 Found');
    expect(saidBy({ status: 302, headers: { location: '/Zoë' } }, ['key'])).toContain('location: /Zo');
  });

  it('says so where a body cannot be shown', () => {
    expect(saidBy({ status: 500, body: 'M\uFFFDller' }, ['Müller'])).toBe(
      '500 Internal Server Error; the reply cannot be shown, as it may hold a secret',
    );
  });
});
