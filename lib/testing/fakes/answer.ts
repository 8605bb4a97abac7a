/** A reply of a fake target. A body that is a text is sent as it is, anything else as JSON. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly body?: unknown;
  /** Their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What becomes of a call at a fake target. */
export type Said = Answer | { readonly kind: 'noAnswer' | 'broken' | 'unreachable' };

/** Told from plain values by being among these. */
const made = new WeakSet<object>();

function known<Kind extends Said>(said: Kind): Kind {
  made.add(said);
  return Object.freeze(said);
}

/** @param value whatever a fake is, or its function returned */
export const isSaid = (value: unknown): value is Said =>
  typeof value === 'object' && value !== null && made.has(value);

const CONTENT_TYPE = 'content-type';

/**
 * A reply. A text is sent as it is, under text/plain; anything else as JSON, which `body` must be able to be; without a body the reply is empty.
 * Errors: `TypeError` for a status that is none.
 * @param status from 200 to 599
 * @example answer(200, { orderId: 'o-1' })
 * @example answer(429, { error: 'slow down' }, { 'retry-after': '120' })
 */
export function answer(
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`answer(${status}): a status is a whole number from 200 to 599`);
  }
  const type = body === undefined ? [] : [[CONTENT_TYPE, typeof body === 'string' ? TEXT : JSON_TYPE]];
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return known({ kind: 'answer', status, body, headers: Object.fromEntries([...type, ...given]) });
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

/** The target takes the call and says nothing until the step's deadline. It has not acted. */
export const noAnswer = (): Said => known({ kind: 'noAnswer' });

/** The target acts, and the connection breaks before its reply. */
export const broken = (): Said => known({ kind: 'broken' });

/** Nobody takes the connection: the call never arrives. */
export const unreachable = (): Said => known({ kind: 'unreachable' });

/** The text of a reply's body. Errors: `TypeError` for what JSON cannot hold. */
export function textOf({ body }: Answer): string {
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  const text = JSON.stringify(body);
  if (text === undefined)
    throw new TypeError(`answer(…) was given ${typeof body} as its body, which is no JSON`);
  return text;
}
