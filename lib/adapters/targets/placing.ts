import type { SecretReference } from '../../contract/secrets.ts';
import { PLACE, placeOf } from '../../contract/targets.ts';
import { EngineError } from '../../engine/errors.ts';
import type { HttpRequest } from '../../engine/ports.ts';

/** A secret with its place and its value, which has the prefix. */
export interface Placed {
  readonly reference: SecretReference;
  readonly value: string;
}

/** Those of one place, as names and values. */
export const placedIn = (
  place: 'header' | 'query' | 'path',
  placed: readonly Placed[],
): ReadonlyMap<string, string> =>
  new Map(
    placed.flatMap(({ reference, value }) => {
      const [where, name] = placeOf(reference);
      return where === place ? [[name, value] as const] : [];
    }),
  );

/**
 * A request with the secrets in its path and its query.
 * Errors: `EngineError` `TARGET_MISSING` for a place that no secret has, for a parameter that the request has already, and for a value that would
 * lead to another resource.
 */
export function placed(target: string, request: HttpRequest, secrets: readonly Placed[]): HttpRequest {
  const paths = placedIn('path', secrets);
  const queries = placedIn('query', secrets);
  const url = paths.size === 0 ? request.url : withPaths(target, request.url, paths);
  return { ...request, url: queries.size === 0 ? url : withQueries(target, url, queries) };
}

function withPaths(target: string, url: string, values: ReadonlyMap<string, string>): string {
  const [address = '', ...query] = url.split('?');
  const hostEnds = address.indexOf('/', address.indexOf('//') + 2);
  const filled = address.replaceAll(PLACE, (_, name: string, at: number) => {
    const value = values.get(name);
    if (value === undefined) {
      throw missing(
        target,
        `the path of the request has {${name}}, and no secret of the target has that place`,
      );
    }
    return at < hostEnds ? hostOf(target, name, value) : pathOf(target, name, value);
  });
  return [filled, ...query].join('?');
}

function hostOf(target: string, name: string, value: string): string {
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value)) return value;
  throw missing(target, `the secret for {${name}} in the host of the base URL is no name of a host`);
}

/** A secret may be several segments, as those of Slack's webhooks. */
function pathOf(target: string, name: string, value: string): string {
  const segments = value.split('/');
  if (segments.every((one) => one !== '' && one !== '.' && one !== '..' && one.isWellFormed()))
    return segments.map(encodeURIComponent).join('/');
  throw missing(target, `the secret for {${name}} in the path has an empty segment, "." or ".."`);
}

function withQueries(target: string, url: string, values: ReadonlyMap<string, string>): string {
  const parsed = new URL(url);
  const taken = [...values.keys()].find((name) => parsed.searchParams.has(name));
  if (taken !== undefined)
    throw missing(target, `the request has the parameter "${taken}", which is that of a secret`);
  const added = new URLSearchParams([...values]).toString().replaceAll('+', '%20');
  return `${url}${parsed.search === '' ? '?' : '&'}${added}`;
}

const missing = (target: string, problem: string): EngineError =>
  new EngineError('TARGET_MISSING', `target "${target}": ${problem}`, {
    next: 'Correct the request of the step, or the secrets in the settings of the target, and deploy.',
  });
