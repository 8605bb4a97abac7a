import type { Asked, Caller } from './answers.ts';
import { DEMO_TARGETS, type DemoTarget } from './catalogue.ts';

/** What a call asks a target to take back. */
export interface Undoing {
  /** Texts that may name it: the key of the call that did it, or an id of its reply. */
  readonly names: ReadonlySet<string>;
  /** The key of the call that did it, where the caller knows that. */
  readonly done: string | undefined;
  /** The same where the call says it, so that the target can refuse the key from then on. */
  readonly key: string | undefined;
}

/**
 * What a call is to take back; undefined where it is not made for that. An undo of a step says it by the headers that every call carries. A call by
 * hand says it by its route.
 */
export function undoingOf(asked: Asked, caller: Caller | undefined): Undoing | undefined {
  if (asked.method === 'GET') return undefined;
  if (caller === undefined) return byRoute(asked);
  const { undoes } = caller;
  if (!undoes?.targets?.includes(asked.target)) return undefined;
  const names = new Set(textsOf(asked));
  return { names, done: undoes.key, key: names.has(undoes.key) ? undoes.key : undefined };
}

function byRoute({ target, method, path, body, query }: Asked): Undoing | undefined {
  const known: Readonly<Record<string, DemoTarget>> = DEMO_TARGETS;
  const route = known[target]?.undoes;
  if (route === undefined || route.method !== method || route.path !== path) return undefined;
  const fields = new Map(Object.entries({ ...query, ...(typeof body === 'object' ? body : {}) }));
  const textIn = (field: string): string | undefined => {
    const value: unknown = fields.get(field);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const key = textIn(route.key);
  const names = [key, textIn(route.id)].filter((name) => name !== undefined);
  return { names: new Set(names), done: key, key };
}

/** Every text of a call: of its body, of its query, and the parts of its path. */
function textsOf({ path, query, body }: Asked): readonly string[] {
  const parts = path.split('/').map(decoded);
  return [...parts, ...Object.values(query), ...textsIn(body)].filter((text) => text !== '');
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Every text that a value holds, at whatever depth. */
export const textsIn = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(textsIn)
      : [];
