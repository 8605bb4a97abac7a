import type { BodyOf } from './body.ts';
import type { Path } from './path.ts';
import type { Query } from './query.ts';

/** What a request may say besides its path and body. */
export interface RequestOptions {
  /** Values are encoded; `null` and `undefined` are left out; a list gives its name once for each value. */
  readonly query?: Query;
  /** Their names are sent in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type WithoutBody<Answer> = (path: string | Path, options?: RequestOptions) => Answer;
/**
 * `body` is sent as JSON, or as `json`, `form`, `text` or `multipart` says; a bare text, and a date, a map, a promise or a function
 * in it, does not compile.
 */
export type WithBody<Answer> = <Body = undefined>(
  path: string | Path,
  body?: Body & BodyOf<Body>,
  options?: RequestOptions,
) => Answer;

/** The methods of HTTP: of a target they describe a request, of a call in `run` they make it. */
export interface Methods<Answer> {
  readonly get: WithoutBody<Answer>;
  readonly post: WithBody<Answer>;
  readonly put: WithBody<Answer>;
  readonly patch: WithBody<Answer>;
  readonly delete: WithoutBody<Answer>;
}
