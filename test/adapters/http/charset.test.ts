import { describe, expect, it } from 'vitest';
import { decodeText } from '../../../lib/adapters/http/charset.ts';

const of = (charset: string): string => `application/json; charset=${charset}`;
const text = (value: string) => ({ ok: true, value });

describe('the text of a body', () => {
  it.each<[string, string | undefined, readonly number[], string]>([
    ['UTF-8 where nothing is declared', undefined, [0xe2, 0x82, 0xac], '€'],
    ['UTF-8 where no charset is declared', 'application/json', [0xe2, 0x82, 0xac], '€'],
    ['UTF-8, as it says', of('UTF-8'), [0xe2, 0x82, 0xac], '€'],
    ['UTF-8 in quotes', 'text/plain; a=b ;Charset = "utf-8"; c=d', [0xc3, 0xbc], 'ü'],
    ['UTF-8 behind its mark', undefined, [0xef, 0xbb, 0xbf, 0x41], 'A'],
    ['U+FFFD that was sent', undefined, [0xef, 0xbf, 0xbd], '\uFFFD'],
    ['nothing', of('gbk'), [], ''],
    ['latin1', of('ISO-8859-1'), [0x4d, 0xfc], 'Mü'],
    // Node 20 reads this byte wrongly where it is not made to decode in parts.
    ['windows-1252', of('windows-1252'), [0x80, 0xfc], '€ü'],
    ['windows-1251', of('windows-1251'), [0xcf, 0xf0], 'Пр'],
    ['iso-8859-2', of('iso-8859-2'), [0xb1], 'ą'],
    ['iso-8859-15', of('iso-8859-15'), [0xa4], '€'],
    ['koi8-r', of('koi8-r'), [0xc1], 'а'],
    ['shift_jis', of('shift_jis'), [0x82, 0xa0], 'あ'],
    ['euc-jp', of('euc-jp'), [0xa4, 0xa2], 'あ'],
    ['iso-2022-jp', of('iso-2022-jp'), [0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42], 'あ'],
    ['gbk', of('GBK'), [0xc4, 0xe3], '你'],
    ['gb18030', of('gb18030'), [0x81, 0x30, 0x81, 0x30], '\u0080'],
    ['big5', of('big5'), [0xa4, 0x40], '一'],
    ['euc-kr', of('euc-kr'), [0xb0, 0xa1], '가'],
    ['UTF-16 of either kind, by its name', of('utf-16be'), [0, 0x41], 'A'],
    ['UTF-16 of either kind, by its mark', of('utf-16'), [0xfe, 0xff, 0, 0x41], 'A'],
    ['UTF-16 without a mark', of('utf-16'), [0x41, 0], 'A'],
    [
      'UTF-16 that has no NUL, where it is no JSON',
      'text/plain; charset=utf-16le',
      [0xd4, 0x5b, 0x57, 0x5b],
      '寔字',
    ],
  ])('is read as %s', (_, contentType, bytes, value) => {
    expect(decodeText(Buffer.from(bytes), contentType)).toEqual(text(value));
  });

  it.each(['iso-8859-1', 'us-ascii', 'windows-1252', 'utf-16', 'utf-16le', 'utf8mb4', 'x-nothing', '', '"'])(
    'is that of its UTF-8 where it declares "%s" in vain',
    (charset) => {
      expect(decodeText(Buffer.from('{"a":"Müller"}'), of(charset))).toEqual(text('{"a":"Müller"}'));
    },
  );

  it.each<[string | undefined, readonly number[], string]>([
    [undefined, [0x4d, 0xfc], 'it is not UTF-8, and declares no other charset'],
    [undefined, [0xed, 0xa0, 0x80], 'it is not UTF-8, and declares no other charset'],
    [of('utf-8'), [0xe2, 0x82], 'it is not in the charset that it declares, "utf-8"'],
    [of('shift_jis'), [0x41, 0x82], 'it is not in the charset that it declares, "shift_jis"'],
    [of('gbk'), [0xc4], 'it is not in the charset that it declares, "gbk"'],
    [of('gb18030'), [0xff], 'it is not in the charset that it declares, "gb18030"'],
    [of('iso-2022-jp'), [0x80], 'it is not in the charset that it declares, "iso-2022-jp"'],
    [of('utf-16le'), [0x41, 0, 0x41], 'it is not in the charset that it declares, "utf-16le"'],
    [of('utf-16le'), [0, 0xd8, 0x41, 0], 'it is not in the charset that it declares, "utf-16le"'],
    // {"ü":1} in latin1, as many bytes as four characters of UTF-16.
    [
      of('utf-16'),
      [0x7b, 0x22, 0xfc, 0x22, 0x3a, 0x31, 0x7d, 0x20],
      'it is not in the charset that it declares, "utf-16"',
    ],
    [of('x-nothing'), [0xff], 'it declares the charset "x-nothing", which is not known'],
    [of('x'.repeat(100)), [0xff], `it declares the charset "${'x'.repeat(40)}", which is not known`],
  ])('is none where its bytes are not of its charset: %s, %j', (contentType, bytes, problem) => {
    expect(decodeText(Buffer.from(bytes), contentType)).toEqual({ ok: false, problem });
  });
});
