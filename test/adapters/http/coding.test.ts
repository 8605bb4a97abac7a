import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeBody } from '../../../lib/adapters/http/coding.ts';

const TEXT = Buffer.from('{"name":"Müller"}');
const LIMIT = 1_024;
const decoded = { ok: true, value: TEXT };

const CODINGS = [
  ['gzip', gzipSync],
  ['X-GZIP', gzipSync],
  ['deflate', deflateSync],
  // Without the frame that RFC 9110 asks for, as some servers send it.
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
] as const;

describe('a body', () => {
  it.each(CODINGS)('in %s is decoded', (coding, encode) => {
    expect(decodeBody(encode(TEXT), coding, LIMIT)).toEqual(decoded);
  });

  it('in several codings is decoded from the last to the first', () => {
    expect(decodeBody(gzipSync(brotliCompressSync(TEXT)), 'br, identity, gzip', LIMIT)).toEqual(decoded);
  });

  it('of several gzip members is all of them', () => {
    const parts = [TEXT.subarray(0, 5), TEXT.subarray(5)].map((part) => gzipSync(part));
    expect(decodeBody(Buffer.concat(parts), 'gzip', LIMIT)).toEqual(decoded);
  });

  it.each(['gzip', 'deflate', 'br', 'zstd', 'utf-8', 'none', 'constructor', ''])(
    'that is text is taken as it is, though it names "%s"',
    (coding) => {
      expect(decodeBody(TEXT, coding, LIMIT)).toEqual(decoded);
    },
  );

  it.each(CODINGS)('in %s is whole to the last byte, or not decoded', (coding, encode) => {
    const whole = encode(TEXT);
    for (let bytes = 1; bytes < whole.length; bytes += 1) {
      const cut = decodeBody(whole.subarray(0, bytes), coding, LIMIT);
      // The first bytes of some are text.
      if (cut !== 'tooLarge' && cut.ok) expect(cut.value.length).toBeLessThan(3);
      else
        expect(cut).toMatchObject({ ok: false, problem: expect.stringMatching(/unexpected end of file$/) });
    }
  });

  it.each(CODINGS)('in %s has nothing behind its end', (coding, encode) => {
    expect(decodeBody(Buffer.concat([encode(TEXT), Buffer.from([0xff, 0])]), coding, LIMIT)).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/^2 bytes follow behind the end of its|incorrect header check$/),
    });
  });

  it.each(CODINGS)('in %s may grow to the limit, and not beyond', (coding, encode) => {
    const most = Buffer.alloc(LIMIT, 'x');
    expect(decodeBody(encode(most), coding, LIMIT)).toEqual({ ok: true, value: most });
    for (const size of [LIMIT + 1, 64 * 2 ** 20]) {
      expect(decodeBody(encode(Buffer.alloc(size)), coding, LIMIT)).toBe('tooLarge');
    }
  });

  it('is held to the limit between two codings, too', () => {
    const bomb = gzipSync(gzipSync(Buffer.alloc(64 * 2 ** 20)));
    expect(decodeBody(bomb, 'gzip, gzip', LIMIT)).toBe('tooLarge');
  });

  it.each([
    ['zstd', 'it is encoded as "zstd"; gzip, deflate and br can be read'],
    ['gzip, '.repeat(5), 'it is encoded 5 times'],
  ])('in %s is not decoded', (coding, problem) => {
    expect(decodeBody(gzipSync(TEXT), coding, LIMIT)).toEqual({ ok: false, problem });
  });
});
