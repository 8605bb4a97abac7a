import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { LIMITS } from '../../lib/contract/limits.ts';
import { against, completed, failed, HEAD } from './attempt.ts';

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
  const utf16 = Buffer.from('{"orderId":"o-1"}', 'utf16le');
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
    ['UTF-16, as it says', utf16, 'content-type: application/json; charset=utf-16le'],
    ['compressed, though nobody asked', gzipSync('{"orderId":"o-1"}'), 'content-encoding: gzip'],
    ['of an encoding that nobody knows', 'orderId o-1', 'content-encoding: x-snappy'],
    ['a megabyte of brackets', '['.repeat(MIB)],
  ])('%s', async (_, body, headers) => {
    const { state, message } = await answered(body, undefined, headers);
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
    // What is wrong, and a part of the reply.
    expect(message.length).toBeLessThanOrEqual(LIMITS.errorText + 50);
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

  it('is read past a byte order mark, and its invalid bytes are replaced', async () => {
    const marked = await answered('\uFEFF{"orderId":"o-1"}');
    expect(marked.ended.record.result).toEqual({ orderId: 'o-1' });
    const latin = await answered(Buffer.from('{"orderId":"M\xfcller"}', 'latin1'));
    expect(latin.ended.record.result).toEqual({ orderId: 'M\uFFFDller' });
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
    ['of half a million mistakes', `[${'1,'.repeat(500_000)}1]`, failed('REPLY_INVALID', 'unknown', 200)],
  ])('%s ends the step, outcome unknown', async (_, body, expected) => {
    const { state } = await answered(body, body.startsWith('[') ? z.array(z.string()) : undefined);
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
    expect(message).toMatch(/^\["\*\*\*","\*\*\*/);
    expect(message).not.toMatch(/secret-/);
  });
});
