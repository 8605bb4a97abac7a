import { describe, expect, it } from 'vitest';
import { multipart } from '../../../lib/chain/index.ts';

const untyped = multipart as (parts: unknown) => ReturnType<typeof multipart>;
const CSV = 'id,amount\r\n1,"é"\n';
const file = { name: 'file', filename: 'orders.csv', contentType: 'text/csv', content: CSV };

/** As a server reads it. */
async function read({ contentType, content }: { contentType: string; content: string }) {
  const form = await new Response(content, { headers: { 'content-type': contentType } }).formData();
  return await Promise.all(
    [...form].map(async ([name, value]) =>
      typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()],
    ),
  );
}

describe('a multipart body', () => {
  it('is these bytes', () => {
    const { contentType, content } = multipart([{ name: 'purpose', value: 'batch' }, file]).encode(
      'wf_1:upload:do:0',
    );
    const boundary = 'stepline-d115c7a723203db9894c264b2a16e630';
    expect(contentType).toBe(`multipart/form-data; boundary=${boundary}`);
    expect(content).toBe(
      [
        `--${boundary}`,
        'Content-Disposition: form-data; name="purpose"',
        '',
        'batch',
        `--${boundary}`,
        'Content-Disposition: form-data; name="file"; filename="orders.csv"',
        'Content-Type: text/csv; charset=utf-8',
        '',
        CSV,
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    );
  });

  it('is read as it was written', async () => {
    const parts = [
      { name: 'purpose', value: 'batch' },
      { name: 'a "quoted" name', value: 'line\r\nline' },
      { name: 'count', value: 7 },
      { name: 'live', value: false },
      { name: 'gone', value: null },
      { name: 'gone', value: undefined },
      { name: 'empty', value: '' },
      file,
      { ...file, filename: 'é.json', contentType: 'application/json', content: '{}' },
    ];
    expect(await read(multipart(parts).encode('key'))).toEqual([
      ['purpose', 'batch'],
      ['a "quoted" name', 'line\r\nline'],
      ['count', '7'],
      ['live', 'false'],
      ['empty', ''],
      ['file', 'orders.csv', 'text/csv; charset=utf-8', CSV],
      ['file', 'é.json', 'application/json', '{}'],
    ]);
  });

  it('has the same bytes for the same key, and another boundary for another key', () => {
    const body = multipart([file]);
    expect(body.encode('wf_1:a:do:0')).toEqual(multipart([file]).encode('wf_1:a:do:0'));
    expect(body.encode('wf_1:a:do:1').contentType).not.toBe(body.encode('wf_1:a:do:0').contentType);
    // RFC 2046, 5.1.1: at most 70 characters.
    expect(body.encode('x'.repeat(255)).contentType).toMatch(/; boundary=[a-z0-9-]{1,70}$/);
  });

  it('has a boundary that is in none of its parts, though a target knows the key and may send it back', async () => {
    const [, boundary = ''] = multipart([file]).encode('key').contentType.split('boundary=');
    const content = `a\r\n--${boundary}\r\nContent-Disposition: form-data; name="role"\r\n\r\nadmin`;
    const body = multipart([{ ...file, content }]).encode('key');
    expect(body.contentType).not.toContain(boundary);
    expect(await read(body)).toEqual([['file', 'orders.csv', 'text/csv; charset=utf-8', content]]);
  });

  it.each<readonly [unknown, string]>([
    ['a', 'multipart: its parts are a text, not a list'],
    [[], 'multipart: it has no part'],
    [[{ name: 'a', value: null }], 'multipart: it has no part'],
    [[file, 7], "multipart: part 2 is 7, not an object such as { name: 'purpose', value: 'batch' }"],
    [[{ name: 'a' }], 'multipart: part 1 has neither a value nor a filename and a content'],
    [[{ ...file, value: 'b' }], 'multipart: part 1 has both a value and the content of a file'],
    [[{ value: 'b' }], 'multipart: part 1 has a name that is no text, or empty, or has a control character'],
    [[{ name: '', value: 'b' }], 'part 1 has a name that is no text, or empty'],
    [[{ name: 'a\r\nx: y', value: 'b' }], 'part 1 has a name that is'],
    [
      [{ name: 'a', value: {} }],
      'multipart: part 1 has a value that is an object, not text, a number or a boolean',
    ],
    [
      [{ ...file, filename: 'a\nb' }],
      'multipart: part 1 has a filename that is no text, or empty, or has a control character',
    ],
    [[{ name: 'a', content: 'b' }], 'part 1 has a filename that is'],
    [[{ ...file, content: null }], 'multipart: part 1 has a content that is null, not text'],
    [
      [{ ...file, contentType: undefined }],
      'multipart: part 1: the content type "undefined" is no content type',
    ],
    [[{ ...file, contentType: 'text/csv\r\nx: y' }], 'is no content type'],
    [[{ ...file, contentType: 'text/csv; charset=latin1' }], 'contradicts the body, which is sent in UTF-8'],
  ])('refuses %j', (parts, why) => {
    expect(() => untyped(parts)).toThrow(TypeError);
    expect(() => untyped(parts)).toThrow(why);
  });
});
