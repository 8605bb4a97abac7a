import { RequestBody } from './body.ts';
import { contentTypeProblem } from './content-type.ts';
import { named, scalarText } from './scalar.ts';

/**
 * A body of text under its content type, as it is, in UTF-8. A type such as `text/plain` gets `charset=utf-8` where it names none:
 * otherwise a server may read it as ASCII.
 * Errors: `TypeError` for a body that is no text, for what is no content type, and where that or an XML declaration names another
 * charset. In a workflow that is `REQUEST_INVALID`.
 * @example bank.post('/payments', text(`<Document>${xml}</Document>`, 'application/xml'))
 */
export function text(body: string, contentType: string): RequestBody {
  const content = scalarText(body);
  if (content === undefined) throw new TypeError(`text: the body is ${named(body)}, not text`);
  const type = textType('text', contentType);
  if (DECLARES_OTHER.test(content)) {
    throw new TypeError('text: its XML declaration names another encoding than UTF-8, in which it is sent');
  }
  const [essence = ''] = type.toLowerCase().split(/[; \t]/);
  return new RequestBody({
    kind: `text of the type "${essence}"`,
    agrees: (other) => other === essence,
    encode: () => ({ contentType: type, content }),
  });
}

/** @example <?xml version="1.0" encoding="ISO-8859-1"?> */
const DECLARES_OTHER = /^\s*<\?xml\s[^>]*\bencoding\s*=\s*["'](?!utf-8["'])/i;

/** A content type under which text is sent. Errors: `TypeError`, which begins with `call`. */
export function textType(call: string, contentType: unknown): string {
  const type = scalarText(contentType) ?? named(contentType);
  const problem = contentTypeProblem(type);
  if (problem !== undefined) throw new TypeError(`${call}: the content type "${type}" ${problem}`);
  return /^text\//i.test(type) && !/;[ \t]*charset=/i.test(type) ? `${type}; charset=utf-8` : type;
}
