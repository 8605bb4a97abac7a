import { METHODS, type Method } from '../../chain/definition.ts';
import type { FakeCall } from './call.ts';

/** A method and a path: `:name` stands for one segment of it, `*` for one that has no name. */
export type Route = `${Method} /${string}`;

interface Pattern {
  readonly method: string;
  readonly segments: readonly string[];
  /** Segments that stand for others. */
  readonly open: number;
}

const isOpen = (segment: string): boolean => segment === '*' || segment.startsWith(':');

/** Errors: `TypeError`, which says what to write. @param target whose fake it is */
export function patternOf(target: string, route: string): Pattern {
  const [, method = '', path = ''] = /^(\S+) (\/\S*)$/.exec(route) ?? [];
  if (!METHODS.some((known) => known === method) || /[?#]/.test(path)) {
    throw new TypeError(
      `targets.${target} has "${route}": write a method in capitals and a path without a query, such as 'POST /charges' or 'GET /customers/:id'; a query is in the fake’s { query }`,
    );
  }
  const segments = path.split('/').slice(1);
  return { method, segments, open: segments.filter(isOpen).length };
}

/** What stands in the open segments, by their names; undefined where the call is another. */
function paramsOf({ method, segments }: Pattern, call: FakeCall): Record<string, string> | undefined {
  const sent = call.path.split('/').slice(1);
  if (method !== call.method || sent.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    const value = sent[at] ?? '';
    if (!isOpen(segment) && segment !== value) return undefined;
    if (isOpen(segment) && value === '') return undefined;
    if (segment.startsWith(':')) params[segment.slice(1)] = decodeURIComponent(value);
  }
  return params;
}

/** The fake for a call, with what its path holds; the one with the fewest open segments where several fit. */
export function findRoute<Fake>(
  target: string,
  fakes: Readonly<Record<string, Fake>>,
  call: FakeCall,
): { readonly fake: Fake; readonly params: Readonly<Record<string, string>> } | undefined {
  const fitting = Object.entries(fakes).flatMap(([route, fake]) => {
    const pattern = patternOf(target, route);
    const params = paramsOf(pattern, call);
    return params === undefined ? [] : [{ fake, params, open: pattern.open }];
  });
  return fitting.sort((a, b) => a.open - b.open)[0];
}
