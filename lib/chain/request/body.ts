import type { Json } from '../json.ts';
import { type Content, contentTypeProblem } from './content-type.ts';
import { named } from './scalar.ts';

/** A body as it is sent, in UTF-8. */
export interface EncodedBody {
  readonly contentType: string;
  readonly content: string;
}

/** A body that says how it is written; `json`, `form`, `text` and `multipart` make it. */
export class RequestBody implements Content {
  readonly #made: Content & Pick<RequestBody, 'encode'>;

  constructor(made: Content & Pick<RequestBody, 'encode'>) {
    this.#made = made;
  }

  get kind(): string {
    return this.#made.kind;
  }

  agrees(essence: string): boolean {
    return this.#made.agrees(essence);
  }

  /** The same idempotency key gives the same bytes. */
  encode(idempotencyKey: string): EncodedBody {
    return this.#made.encode(idempotencyKey);
  }
}

/** What may be a body: JSON that is no bare text, or what `json`, `form`, `text` and `multipart` make. */
export type BodyOf<T> = unknown extends T
  ? T
  : T extends RequestBody
    ? T
    : T extends string
      ? never
      : Json<T>;

/**
 * A body of JSON. An object or a list is JSON without it; a text that is meant to be JSON needs it.
 * Errors: `TypeError` for what JSON cannot hold. In a workflow that is `REQUEST_INVALID`.
 * @example people.put('/nickname', json('Ada')) // content-type: application/json, body: "Ada"
 */
export function json<Value>(value: Value & NoInfer<Json<Value>>): RequestBody {
  const encoded = encodedJson(value);
  return new RequestBody({ ...JSON_CONTENT, encode: () => encoded });
}

function encodedJson(value: unknown): EncodedBody {
  const content = JSON.stringify(value);
  if (content === undefined) throw new TypeError(`the body is ${named(value)}, which is no JSON`);
  return { contentType: JSON_TYPE, content };
}

const JSON_TYPE = 'application/json';
/** `application/merge-patch+json`, `application/x-amz-json-1.1` and others are JSON, too. */
const JSON_TYPES = /^\w+\/(?:.+[.+-])?json(?:-\d\.\d)?$/;
const JSON_CONTENT: Content = { kind: 'JSON', agrees: (essence) => JSON_TYPES.test(essence) };

/** Why a value cannot be a body. */
export const bodyProblem = (body: unknown): string | undefined =>
  typeof body === 'string'
    ? "the body is a bare text; write json(…) for JSON, text(…, 'application/xml') for text of any other type, or form({ … }) for a form"
    : undefined;

/** Why a body cannot be sent under that content type. */
export const contradiction = (body: unknown, contentType: string): string | undefined =>
  body === undefined
    ? undefined
    : contentTypeProblem(contentType, body instanceof RequestBody ? body : JSON_CONTENT);

/** A body as it is sent; undefined for none. Errors: `TypeError` for a bare text, and for what JSON cannot hold. */
export function encodedBody(body: unknown, idempotencyKey: string): EncodedBody | undefined {
  if (body === undefined) return undefined;
  const problem = bodyProblem(body);
  if (problem !== undefined) throw new TypeError(problem);
  return body instanceof RequestBody ? body.encode(idempotencyKey) : encodedJson(body);
}
