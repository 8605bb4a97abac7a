import type { Registry } from '../lib/chain/registry.ts';
import { ROUTES } from '../lib/contract/names.ts';
import { ProblemError } from '../lib/engine/problems.ts';
import { type ApiAnswer, problemAnswer } from './http.ts';

/** One route of the API. `path` is as in an HTTP API: `{id}` stands for one segment. */
export interface Route {
  readonly name: 'start' | keyof typeof ROUTES;
  readonly method: string;
  readonly path: string;
  readonly pattern: RegExp;
}

/** The routes of a deployment: a start route for each chain, and the fixed ones. */
export const routesOf = ({ current }: Pick<Registry, 'current'>): readonly Route[] => [
  ...current.map(({ start }) => route('start', 'POST', start)),
  ...FIXED.map((name) => route(name, ROUTES[name].method, ROUTES[name].path)),
];

const FIXED = ['list', 'get', 'cancel', 'resume'] as const;

const route = (name: Route['name'], method: string, path: string): Route => ({
  name,
  method,
  path,
  pattern: new RegExp(`^${path.replace('{id}', '(?<id>[^/]+)')}$`),
});

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
