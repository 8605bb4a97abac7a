import type { Registry } from '../lib/chain/registry.ts';
import { ROUTE_NAMES, ROUTES, type RouteName } from '../lib/contract/names.ts';
import { ProblemError } from '../lib/engine/problems.ts';
import { type ApiAnswer, type ApiEvent, problemAnswer } from './http.ts';

/** One route of the API. `path` is as in an HTTP API: `{id}` stands for one segment. */
export interface Route {
  readonly name: 'start' | RouteName;
  readonly method: string;
  readonly path: string;
  readonly pattern: RegExp;
}

/** The routes of a deployment: a start route for each chain, and those that every deployment has. */
export const routesOf = ({ current }: Pick<Registry, 'current'>): readonly Route[] => [
  ...current.map(({ start }) => route('start', 'POST', start)),
  ...ROUTE_NAMES.map((name) => route(name, ROUTES[name].method, ROUTES[name].path)),
];

const route = (name: Route['name'], method: string, path: string): Route => ({
  name,
  method,
  path,
  pattern: new RegExp(`^${path.replace('{id}', '(?<id>[^/]+)')}$`),
});

/** A request as the API routed it. */
interface Routed {
  readonly method: string;
  /** The path within the API. */
  readonly path: string;
  /** What the path begins with on a custom domain, where the event says so. */
  readonly basePath: string;
}

/** What a route key ends with where the route takes every path: a path of ours has no `+`. */
const ANY_PATH = '/{proxy+}';

/**
 * What a request asks for, by the route that the API found: on a custom domain `rawPath` may begin with the base path of a mapping.
 * @example routed({ routeKey: 'POST /api/process-order', rawPath: '/shop/api/process-order', … }) // { method: 'POST', path: '/api/process-order', basePath: '/shop' }
 */
export function routed({ routeKey, rawPath, pathParameters, requestContext }: ApiEvent): Routed {
  const [, keyPath] = routeKey?.split(' ') ?? [];
  const method = requestContext?.http?.method ?? 'POST';
  const whole = rawPath ?? '/';
  if (keyPath === undefined) return { method, path: whole, basePath: '' };
  const path = keyPath === ANY_PATH ? `/${pathParameters?.proxy ?? ''}` : keyPath;
  return { method, path, basePath: whole.endsWith(path) ? whole.slice(0, -path.length) : '' };
}

/** The answer to a request that no route takes: 405 with the methods that its path has, or 404 with the routes there are. */
export function refuseRoute(routes: readonly Route[], method: string, path: string): ApiAnswer {
  const methods = routes.filter(({ pattern }) => pattern.test(path)).map((candidate) => candidate.method);
  if (methods.length > 0) {
    const allow = methods.join(', ');
    return problemAnswer(new ProblemError('METHOD_NOT_ALLOWED', `${path} takes ${allow}, not ${method}`), {
      allow,
    });
  }
  const known = routes.map((each) => `${each.method} ${each.path}`).join(', ');
  return problemAnswer(
    new ProblemError('UNKNOWN_ROUTE', `no route has the path ${path}; the routes are ${known}`),
  );
}
