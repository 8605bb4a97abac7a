import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { replyText } from '../../../lib/engine/reply/reply-text.ts';

describe('a reply for a person', () => {
  it.each([
    [
      'an envelope is opened',
      '{"error":{"code":"card_declined","message":"Declined."}}',
      'code: card_declined; message: Declined.',
    ],
    [
      'names and values, in their order',
      '{"title":"Down","status":503,"retry":false,"by":null}',
      'title: Down; status: 503; retry: false; by: null',
    ],
    [
      'lists and objects by the way to their values',
      '{"errors":[{"field":"card"},"no"],"id":1}',
      'errors.0.field: card; errors.1: no; id: 1',
    ],
    [
      'a problem document, which fields are wrong first, and what is said anyhow last',
      '{"type":"https://api.example/errors#invalid","title":"Invalid","status":422,"detail":"Two fields.","trace":"t-1","errors":[{"field":"a"}]}',
      'errors.0.field: a; detail: Two fields.; title: Invalid; trace: t-1; type: https://api.example/errors#invalid; status: 422',
    ],
    ['quotes and line breaks are not escaped', '{"error":"a \\"b\\"\\nc"}', 'error: a "b"\nc'],
    ['a list alone', '["a","b"]', '0: a; 1: b'],
    ['JSON without a value', '{"a":{},"b":[]}', '{"a":{},"b":[]}'],
    ['a bare JSON string stays as it is', '"down"', '"down"'],
    ['text that is not JSON', '{"error": oops}', '{"error": oops}'],
    ['HTML', '<h1>502</h1>', '<h1>502</h1>'],
    ['nothing', '', ''],
  ])('%s', (_, body, text) => {
    expect(replyText(body, [])).toBe(text);
  });

  it('has its secrets masked, however the reply spells them', () => {
    const card = '4242424242424242';
    const escaped = [...card].map((digit) => `\\u003${digit}`).join('');
    for (const spelt of [`"${card}"`, card, `"${escaped}"`, `{"in":["${card}"]}`]) {
      expect(replyText(`{"first":1,"card":${spelt}}`, [card])).toMatch(/^first: 1; card[.\w]*: \*\*\*$/);
    }
  });

  it('has at most 200 characters, and is cut as text where it is too long to be read as JSON', () => {
    const long = `{"text":"${'x'.repeat(100_000)}"}`;
    expect(replyText(long, [])).toBe(long.slice(0, LIMITS.errorText));
    expect(replyText(`{"a":"${'x'.repeat(500)}","b":1}`, [])).toBe(`a: ${'x'.repeat(LIMITS.errorText - 3)}`);
  });

  it('shows no secret that has NULs between its characters, and none of which a part was not decoded', () => {
    const card = '4242424242424242';
    expect(replyText(Buffer.from(`card ${card}`, 'utf16le').toString('utf8'), [card])).toBe('card ***');
    const lossy = 'no account of M\uFFFDller';
    expect(replyText(lossy, [card])).toBe(lossy);
    expect(replyText(lossy, [card, 'Müller'])).toBe('');
  });

  it('may be nested deeper than a stack: what lies deep is named by its place', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(replyText(deep(8_000), [])).toBe(`${'0.'.repeat(7)}0: …`);
    expect(replyText('{"a":{"b":{"c":1}},"d":2}', [])).toBe('a.b.c: 1; d: 2');
  });
});
