import { describe, expect, it } from 'vitest';
import { form, json, multipart, target, text } from '../../../lib/chain/index.ts';
import { encodedBody } from '../../../lib/chain/request/body.ts';

const api = target('api');
/** The bytes and the content type of a request. */
const sent = (body: unknown, key = 'key') => encodedBody(api.post('/', body).body, key);
const typed = (body: unknown): string | undefined => sent(body)?.contentType;
const XML = '<a>é</a>';

describe('a body of JSON', () => {
  it.each<[unknown]>([[{ a: 1, b: undefined }], [[1, 'two']], [null], [7], [true]])(
    'is %j as JSON.stringify writes it',
    (body) => {
      expect(api.post('/', body).body).toBe(body);
      expect(sent(body)).toEqual({ contentType: 'application/json', content: JSON.stringify(body) });
      expect(sent(json(body))).toEqual(sent(body));
    },
  );

  it('may be a text where json() says so', () => {
    expect(sent(json('Ada'))).toEqual({ contentType: 'application/json', content: '"Ada"' });
  });

  it('is nothing that JSON leaves out', () => {
    expect(() => json(undefined)).toThrow('the body is undefined, which is no JSON');
    expect(() => sent(Symbol('s'))).toThrow('which is no JSON');
  });
});

describe('a bare text as a body', () => {
  const remedy =
    "the body is a bare text; write json(…) for JSON, text(…, 'application/xml') for text of any other type, or form({ … }) for a form";

  it.each(['', 'secret', XML])('is refused with what to write: %j', (body) => {
    const untyped: unknown = body;
    expect(() => api.post('/', untyped)).toThrow(TypeError);
    expect(() => api.post('/', untyped)).toThrow(new TypeError(`api.post: ${remedy}`));
    expect(() => api.patch('/', untyped)).toThrow(`api.patch: ${remedy}`);
    expect(() => encodedBody(body, 'key')).toThrow(remedy);
  });
});

describe('a body of text', () => {
  it('is sent as it is, under its content type', () => {
    expect(sent(text(XML, 'application/xml'))).toEqual({ contentType: 'application/xml', content: XML });
    expect(typed(text('', 'Application/SOAP+xml; action="x y"'))).toBe('Application/SOAP+xml; action="x y"');
  });

  it('may declare its encoding itself, if that is UTF-8', () => {
    const declared = `<?xml version='1.0' encoding='utf-8' standalone='yes'?>${XML}`;
    expect(sent(text(declared, 'application/xml'))).toMatchObject({ content: declared });
  });

  it('says that it is UTF-8 where a server could read it as ASCII', () => {
    expect(typed(text(XML, 'text/xml'))).toBe('text/xml; charset=utf-8');
    expect(typed(text('a', 'text/csv; header=absent'))).toBe('text/csv; header=absent; charset=utf-8');
    expect(typed(text('a', 'text/plain;charset=UTF-8'))).toBe('text/plain;charset=UTF-8');
  });

  it.each<readonly [unknown, unknown, string]>([
    [{ a: 1 }, 'application/xml', 'text: the body is an object, not text'],
    [undefined, 'application/xml', 'text: the body is undefined, not text'],
    [
      `<?xml version="1.0" encoding="ISO-8859-1"?>${XML}`,
      'application/xml',
      'text: its XML declaration names another encoding than UTF-8, in which it is sent',
    ],
    [XML, undefined, 'text: the content type "undefined" is no content type such as "application/xml"'],
    [XML, 'xml', 'text: the content type "xml" is no content type'],
    [XML, 'text/xml\r\nx: y', 'is no content type'],
    [XML, 'text/xml; charset', 'is no content type'],
    [
      XML,
      'text/xml; charset=iso-8859-1',
      'text: the content type "text/xml; charset=iso-8859-1" contradicts the body, which is sent in UTF-8',
    ],
  ])('is refused: %j as %j', (body, type, why) => {
    expect(() => text(body as string, type as string)).toThrow(TypeError);
    expect(() => text(body as string, type as string)).toThrow(why);
  });
});

describe('a content-type header', () => {
  const file = { name: 'file', filename: 'a.csv', contentType: 'text/csv', content: 'a' };
  it.each<readonly [unknown, string]>([
    [{ a: 1 }, 'application/json; charset=UTF-8'],
    [{ a: 1 }, 'application/merge-patch+json'],
    [{ a: 1 }, 'application/vnd.api.json'],
    [{ a: 1 }, 'application/x-amz-json-1.1'],
    [json('a'), 'application/vnd.api+json'],
    [form({ a: 1 }), 'Application/X-WWW-Form-URLencoded; charset=utf-8'],
    [text(XML, 'text/xml'), 'text/xml'],
    [undefined, 'application/x-www-form-urlencoded'],
  ])('may say what the body is (%#): %s', (body, type) => {
    expect(api.post('/', body, { headers: { 'Content-Type': type } }).headers).toEqual({
      'content-type': type,
    });
  });

  it.each<readonly [unknown, string, string]>([
    [
      { a: 1 },
      'application/x-www-form-urlencoded',
      'contradicts the body, which is JSON; leave the header out',
    ],
    [{ a: 1 }, 'text/xml', 'contradicts the body, which is JSON'],
    [{ a: 1 }, 'application/x-ndjson', 'contradicts the body, which is JSON'],
    [json('a'), 'text/plain', 'contradicts the body, which is JSON'],
    [form({ a: 1 }), 'application/json', 'contradicts the body, which is a form; leave the header out'],
    [text(XML, 'text/xml'), 'application/xml', 'contradicts the body, which is text of the type "text/xml"'],
    [
      multipart([file]),
      'multipart/form-data',
      'contradicts the body, which is multipart, whose boundary is made at the call; leave the header out',
    ],
    [{ a: 1 }, 'application/json; charset=latin1', 'contradicts the body, which is sent in UTF-8'],
    [{ a: 1 }, 'json', 'is no content type such as "application/xml"'],
  ])('may not say otherwise (%#): %s', (body, type, why) => {
    const post = () => api.post('/', body, { headers: { 'Content-Type': type } });
    expect(post).toThrow(TypeError);
    expect(post).toThrow(`api: the header "Content-Type" cannot be sent: "${type}" ${why}`);
  });
});
