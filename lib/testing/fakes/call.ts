import type { Method } from '../../chain/definition.ts';
import { METHODS } from '../../chain/definition.ts';
import { CALL_HEADERS } from '../../contract/names.ts';
import type { HttpRequest } from '../../engine/ports.ts';
import type { Answer } from './answer.ts';

/** A call as a fake target sees it. */
export interface FakeCall {
  /** The step that makes it, or whose undo or lookup does. */
  readonly step: string;
  /** Of the undo of the step, or of its lookup. */
  readonly action?: 'undo' | 'lookup';
  /** The name of the call, where the code of a `run` step makes it. */
  readonly call?: string;
  readonly method: Method;
  /** Without the query, encoded as it was sent. */
  readonly path: string;
  /** What stands in the places of the fake's path, decoded: `id` of '/customers/:id'. */
  readonly params: Readonly<Record<string, string>>;
  /** A list where a name came more than once. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What was sent: the value of JSON, the fields of a form (as texts), the text of anything else; undefined where nothing was. */
  readonly body: unknown;
  /** The fields of the body where it is an object, or else none: `fields.amount` needs no look at what `body` is. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Which attempt of the step it is: 1, 2, and so on; from 1 again after a resume. */
  readonly attempt: number;
  /** The key as it was sent; undefined where none was. */
  readonly idempotencyKey: string | undefined;
  /**
   * What this target answered to the call that acted under a key; undefined where none has. So a fake tells the truth to a lookup.
   * @example 'GET /charges': ({ query, answered }) => answered(query.key) ?? answer(404)
   */
  answered(key: unknown): Answer | undefined;
}

/** The attempt that a call is made in. */
export interface Attempt {
  readonly step: string;
  readonly action?: 'undo' | 'lookup';
  readonly attempt: number;
}

/** @param key as it was sent */
export function fakeCallOf(
  { method, url, headers, body }: HttpRequest,
  { step, action, attempt }: Attempt,
  key: string | undefined,
  answered: FakeCall['answered'],
): FakeCall {
  const { pathname, searchParams } = new URL(url);
  const value = body === undefined ? undefined : bodyOf(body, headers['content-type'] ?? '');
  const known = METHODS.find((one) => one === method);
  if (known === undefined) throw new Error(`a request has the method ${method}`);
  return {
    ...{ step, attempt, headers, method: known, answered },
    ...(action === undefined ? {} : { action }),
    ...callIn(headers),
    ...{ path: pathname, params: {}, query: listed(searchParams), idempotencyKey: key },
    body: value,
    fields: typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {},
  };
}

/** `<idempotencyKey>:<name>` is the id of a call that code makes. */
function callIn(headers: HttpRequest['headers']): Pick<FakeCall, 'call'> {
  const [, , , , call] = (headers[CALL_HEADERS.callId] ?? '').split(':');
  return call === undefined ? {} : { call };
}

function bodyOf(text: string, contentType: string): unknown {
  if (/^[\w.+-]+\/(?:.+[.+-])?json\b/.test(contentType)) return JSON.parse(text);
  if (contentType.startsWith('application/x-www-form-urlencoded')) return listed(new URLSearchParams(text));
  return text;
}

function listed(params: URLSearchParams): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    [...new Set(params.keys())].map((name) => {
      const [only = '', ...others] = params.getAll(name);
      return [name, others.length === 0 ? only : [only, ...others]];
    }),
  );
}
