import { createHash } from 'node:crypto';
import { type EncodedBody, RequestBody } from './body.ts';
import { isPlaceholder } from './placeholder.ts';
import { named, type Scalar, scalarText } from './scalar.ts';
import { textType } from './text.ts';

/** A field, which is left out where its value is `null` or `undefined`; or a file whose content is text, sent in UTF-8. */
export type Part =
  | { readonly name: string; readonly value: Scalar | null | undefined }
  | {
      readonly name: string;
      readonly filename: string;
      readonly contentType: string;
      readonly content: string;
    };

/** A part as it is sent: its headers, and behind an empty line its content. */
interface WrittenPart {
  readonly headers: string;
  readonly content: string;
}

const TYPE = 'multipart/form-data';

/**
 * A body of the type `multipart/form-data`: fields, and small files whose content is text. Its boundary is derived from the
 * idempotency key, so that every attempt of a call sends the same bytes.
 * Errors: `TypeError` for a part that is no part, with its place. In a workflow that is `REQUEST_INVALID`.
 * @example
 * files.post('/files', multipart([
 *   { name: 'purpose', value: 'batch' },
 *   { name: 'file', filename: 'orders.csv', contentType: 'text/csv', content: 'id,amount\n1,500\n' },
 * ]))
 */
export function multipart(parts: readonly Part[]): RequestBody {
  if (!Array.isArray(parts) && !isPlaceholder(parts)) {
    throw new TypeError(`multipart: its parts are ${named(parts)}, not a list`);
  }
  const written = Array.isArray(parts) ? parts.flatMap(partOf) : [];
  if (written.length === 0 && Array.isArray(parts)) throw new TypeError('multipart: it has no part');
  return new RequestBody({
    kind: 'multipart, whose boundary is made at the call',
    // No header can know the boundary.
    agrees: () => false,
    encode: (idempotencyKey) => encoded(written, boundaryOf(idempotencyKey, written)),
  });
}

// FormData of Node makes a boundary by chance: a repeated call would send other bytes under the same key.
const encoded = (parts: readonly WrittenPart[], boundary: string): EncodedBody => ({
  contentType: `${TYPE}; boundary=${boundary}`,
  content: `${parts.map(({ headers, content }) => `--${boundary}\r\n${headers}\r\n\r\n${content}\r\n`).join('')}--${boundary}--\r\n`,
});

/** A boundary that is in no part. A target knows the key: what it answered may hold the first one. */
function boundaryOf(idempotencyKey: string, parts: readonly WrittenPart[], tries = 0): string {
  const hash = createHash('sha256').update(`${idempotencyKey} ${tries}`).digest('hex');
  const boundary = `stepline-${hash.slice(0, 32)}`;
  const taken = parts.some((part) => part.content.includes(boundary) || part.headers.includes(boundary));
  return taken ? boundaryOf(idempotencyKey, parts, tries + 1) : boundary;
}

function partOf(part: unknown, index: number): readonly WrittenPart[] {
  const refuse = (problem: string): never => {
    throw new TypeError(`multipart: part ${index + 1} ${problem}`);
  };
  if (isPlaceholder(part)) return [{ headers: '', content: '' }];
  if (typeof part !== 'object' || part === null) {
    return refuse(`is ${named(part)}, not an object such as { name: 'purpose', value: 'batch' }`);
  }
  const { name, value, filename, contentType, content }: Partial<Record<string, unknown>> = { ...part };
  const disposition = `Content-Disposition: form-data; name=${quoted(name) ?? refuse(`has a name that is ${NO_NAME}`)}`;
  if (filename === undefined && content === undefined) {
    if (!('value' in part)) return refuse('has neither a value nor a filename and a content');
    if (value === null || value === undefined) return [];
    const text =
      scalarText(value) ?? refuse(`has a value that is ${named(value)}, not text, a number or a boolean`);
    return [{ headers: disposition, content: text }];
  }
  if ('value' in part) return refuse('has both a value and the content of a file');
  const file = quoted(filename) ?? refuse(`has a filename that is ${NO_NAME}`);
  const text = scalarText(content) ?? refuse(`has a content that is ${named(content)}, not text`);
  const type = textType(`multipart: part ${index + 1}`, contentType);
  return [{ headers: `${disposition}; filename=${file}\r\nContent-Type: ${type}`, content: text }];
}

const NO_NAME = 'no text, or empty, or has a control character';

/** As HTML writes a name; undefined for what cannot be one. */
function quoted(name: unknown): string | undefined {
  const text = scalarText(name);
  return text === undefined || text === '' || /\p{Cc}/u.test(text)
    ? undefined
    : `"${text.replaceAll('"', '%22')}"`;
}
