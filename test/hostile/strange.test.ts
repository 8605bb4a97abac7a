import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { LIMITS } from '../../lib/contract/limits.ts';
import { against, completed, failed, HEAD } from './attempt.ts';
import { CARD } from './engine.ts';

const MIB = 2 ** 20;
const ANY = z.unknown();

/** One attempt against a server that answers 200 with this body. */
const answered = (
  body: string | Buffer,
  response?: z.ZodType,
  headers = 'content-type: application/json',
) => {
  const more = response === undefined ? {} : { step: { response } };
  return against((socket) => {
    socket.write(`${HEAD}${headers}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`);
    socket.write(body);
  }, more);
};

const nested = (levels: number, open = '[', close = ']'): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`;

describe('a reply that is no JSON ends the step, outcome unknown, be it', () => {
  const zipped = gzipSync('{"orderId":"o-1"}');
  it.each<[string, string | Buffer, string?]>([
    ['empty', ''],
    ['blank', ' \r\n\t '],
    ['a page', '<html>502 Bad Gateway</html>'],
    ['half of it', '{"orderId":"o-'],
    ['two values', '{"orderId":"o-1"}{"orderId":"o-2"}'],
    ['NaN', '{"orderId":NaN}'],
    ['NUL bytes', '\0'.repeat(1_000)],
    ['a NUL in a text', '{"orderId":"o\0-1"}'],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80])],
    ['UTF-16 that does not say so', Buffer.from('{"orderId":"o-1"}', 'utf16le')],
    ['latin1 that does not say so', Buffer.from('{"orderId":"M\xfcller"}', 'latin1')],
    [
      'of another charset than it says',
      Buffer.from('{"orderId":"M\xfcller"}', 'latin1'),
      'content-type: application/json; charset=utf-8',
    ],
    [
      'of half a character in its charset',
      Buffer.from([0x22, 0x82]),
      'content-type: application/json; charset=shift_jis',
    ],
    [
      'of a charset that nobody knows',
      Buffer.from([0x22, 0xff, 0x22]),
      'content-type: a/b; charset=x-ebcdic',
    ],
    ['UTF-7', '+AHsAfQ-', 'content-type: application/json; charset=utf-7'],
    ['compressed, and says nothing of it', zipped],
    ['compressed, and cut', zipped.subarray(0, -4), 'content-encoding: gzip'],
    ['compressed in another way than it says', zipped, 'content-encoding: br'],
    ['compressed once, and says twice', zipped, 'content-encoding: gzip, br'],
    [
      'compressed, with more behind it',
      Buffer.concat([zipped, zipped.subarray(0, 9)]),
      'content-encoding: gzip',
    ],
    [
      'compressed, with a wrong sum',
      Buffer.from(zipped.map((byte, at) => (at === zipped.length - 8 ? ~byte : byte))),
      'content-encoding: gzip',
    ],
    ['compressed in a hundred layers, as it says', zipped, `content-encoding: ${'gzip, '.repeat(100)}`],
    ['of an encoding that nobody knows', 'orderId o-1', 'content-encoding: x-snappy'],
    ['a megabyte of brackets', '['.repeat(MIB)],
  ])('%s', async (_, body, headers) => {
    const { state, message } = await answered(body, undefined, headers);
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
    // What is wrong, and a part of the reply.
    expect(message.length).toBeLessThanOrEqual(LIMITS.errorText + 100);
    expect(message.isWellFormed()).toBe(true);
  });
});

describe('a reply that is nested deeply', () => {
  it.each<[string, string, z.ZodType]>([
    ['lists', nested(MIB / 2 - 1), ANY],
    ['objects', nested(100_000, '{"a":', '}'), ANY],
    ['in a field of any kind', `{"a":${nested(100_000)}}`, z.object({ a: ANY })],
    ['by one level more than are stored', nested(LIMITS.resultDepth + 1), ANY],
  ])(
    'cannot be stored: the step ends, outcome unknown, and is not tried again (%s)',
    async (_, body, schema) => {
      const { state, message } = await answered(body, schema);
      expect(state).toEqual(failed('RESULT_TOO_LARGE', 'unknown'));
      expect(message).toMatch(/nested more than 1000 levels deep/);
    },
  );

  it('that no schema can follow ends the step, outcome unknown', async () => {
    const { state } = await answered(nested(100_000), z.json());
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
  });

  it('is a result where the schema drops what is deep, or where it is as deep as is stored', async () => {
    const dropped = await answered(`{"orderId":"o-1","a":${nested(100_000)}}`);
    expect(dropped.ended.record.result).toEqual({ orderId: 'o-1' });
    const kept = await answered(nested(LIMITS.resultDepth), ANY);
    expect(kept.state).toEqual(completed);
    expect(JSON.stringify(kept.ended.record.result)).toBe(nested(LIMITS.resultDepth));
  });
});

describe('a reply with values that mean trouble', () => {
  it('keeps __proto__ from becoming a prototype', async () => {
    const body = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"orderId":"o-1"}';
    const schemas = [z.object({ orderId: z.string() }), z.looseObject({}), z.record(z.string(), ANY), ANY];
    for (const schema of schemas) {
      const { state, ended } = await answered(body, schema);
      expect(state).toEqual(completed);
      expect(ended.record.result).toMatchObject({ orderId: 'o-1' });
      expect(Reflect.get(Object(ended.record.result), 'admin')).toBeUndefined();
    }
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });

  it.each(['1e400', '-1e400', '12345678901234567890'])('takes %s for no whole number', async (number) => {
    const { state } = await answered(`{"amount":${number}}`, z.object({ amount: z.int() }));
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
  });

  const NAME = '{"orderId":"Müller"}';
  const LATIN = Buffer.from(NAME, 'latin1');
  it.each<[string, string | Buffer, string]>([
    ['past a byte order mark', `\uFEFF${NAME}`, 'x: y'],
    ['in the charset that it says', LATIN, 'content-type: application/json; charset=ISO-8859-1'],
    [
      'in UTF-16, as it says',
      Buffer.from(NAME, 'utf16le'),
      'content-type: application/json; charset=utf-16le',
    ],
    // Many servers say so by default, beside a body that is UTF-8.
    ['in UTF-8, though it says another', NAME, 'content-type: application/json; charset=ISO-8859-1'],
    ['in UTF-8, though it says UTF-16', NAME, 'content-type: application/json; charset=utf-16'],
    ['out of gzip, though nobody asked', gzipSync(NAME), 'content-encoding: gzip'],
    ['out of deflate', deflateSync(NAME), 'content-encoding: deflate'],
    ['out of br and gzip', gzipSync(brotliCompressSync(NAME)), 'content-encoding: br, gzip'],
    ['as it is, though it says that it is compressed', NAME, 'content-encoding: gzip'],
    ['as it is, though it names no coding at all', NAME, 'content-encoding: UTF-8'],
  ])('is read %s', async (_, body, headers) => {
    const { ended } = await answered(body, undefined, headers);
    expect(ended.record.result).toEqual({ orderId: 'Müller' });
  });

  it('says what cannot be read, and shows it', async () => {
    const { message } = await answered(LATIN);
    expect(message).toBe(
      'the reply cannot be read: it is not UTF-8, and declares no other charset; 200 OK; the reply was: orderId: M\uFFFDller',
    );
  });

  it.each([
    ['utf-16', LATIN],
    ['utf-16le', Buffer.concat([LATIN, Buffer.from(' ')])],
    ['utf-16be', LATIN],
    ['utf-8', LATIN],
    ['shift_jis', Buffer.from([...LATIN.subarray(0, -1), 0x82])],
  ])('says that it is not in the charset that it declares: %s', async (charset, body) => {
    const { state, message } = await answered(
      body,
      undefined,
      `content-type: application/json; charset=${charset}`,
    );
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
    expect(message).toContain(`it is not in the charset that it declares, "${charset}"; 200 OK`);
  });

  it('of UTF-16 that does not say so shows no secret between its NULs', async () => {
    const { message } = await answered(Buffer.from(`{"orderId":"${CARD}`, 'utf16le'));
    expect(message).toMatch(/"\*\*\*$/);
  });

  it('stores escaped NULs and halves of characters as they are', async () => {
    const { ended } = await answered('{"orderId":"a\\u0000b\\ud800"}');
    expect(ended.record.result).toEqual({ orderId: 'a\0b\ud800' });
  });

  it('takes the last of two fields of one name, as every reader of JSON does', async () => {
    const { ended } = await answered('{"orderId":"o-1","orderId":"o-2"}');
    expect(ended.record.result).toEqual({ orderId: 'o-2' });
  });
});

describe('a reply of another size than anybody means', () => {
  it.each([
    [
      'one byte above what is read',
      'x'.repeat(LIMITS.replyBytes + 1),
      failed('REPLY_TOO_LARGE', 'unknown', 200),
    ],
    [
      'with a result above what is stored',
      `{"orderId":"${'x'.repeat(LIMITS.resultBytes)}"}`,
      failed('RESULT_TOO_LARGE', 'unknown'),
    ],
    [
      'that grows beyond what is read as it is decoded',
      gzipSync(Buffer.alloc(MIB + 1)),
      failed('REPLY_TOO_LARGE', 'unknown', 200),
    ],
    ['of half a million mistakes', `[${'1,'.repeat(500_000)}1]`, failed('REPLY_INVALID', 'unknown', 200)],
  ])('%s ends the step, outcome unknown', async (_, body, expected) => {
    const headers = typeof body === 'string' ? undefined : 'content-encoding: gzip';
    const { state } = await answered(body, body[0] === '[' ? z.array(z.string()) : undefined, headers);
    expect(state).toEqual(expected);
  });

  it('that echoes thousands of secrets shows none of them', async () => {
    const card = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, at) => [`f${at}`, `secret-${at * 7_919}`]),
    );
    const echo = Object.values(card).join('","');
    const body = `["${echo}","${'secret-7919","'.repeat(60_000)}"]`;
    const { state, message } = await against(
      (socket, count) => {
        if (count === 1) socket.write(`HTTP/1.1 400 No\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      },
      { card },
    );
    expect(state).toEqual(failed('REFUSED', 'none', 400));
    expect(message).toMatch(/^400 Bad Request; the reply was: \["\*\*\*","\*\*\*/);
    expect(message).not.toMatch(/secret-/);
  });
});
