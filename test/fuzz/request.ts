import { ROUTES } from '../../lib/contract/names.ts';
import type { Asked, Cursor, Id, RouteName } from './asked.ts';
import { bytesOf } from './bodies.ts';
import { type Change, changed } from './values.ts';
import { type Known, PLANTED } from './world.ts';

/** A request with everything looked up that it names. */
export interface Request {
  readonly route: RouteName;
  /** Index of the tenant that asks. */
  readonly by: number;
  readonly method: string;
  readonly path: string;
  readonly id: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | undefined;
}

export async function requestOf(world: Known, asked: Asked): Promise<Request> {
  const { route, by } = asked;
  const fixed = route === 'start' || route === 'nowhere' ? undefined : ROUTES[route];
  const path = fixed?.path ?? (route === 'start' ? asked.startPath : asked.nowhere);
  const id = idOf(world, asked.id, by);
  const known = route === 'list' ? ['chain', 'status', 'limit'] : [];
  const cursor =
    route === 'list' && asked.cursor !== undefined ? await cursorOf(world, asked.cursor) : undefined;
  const method = asked.method ?? fixed?.method ?? 'POST';
  return {
    route,
    by,
    method,
    path: path.replace('{id}', () => id),
    id,
    query: [
      ...asked.query.filter(([name]) => known.includes(name)),
      ...asked.oddQuery,
      ...(cursor === undefined ? [] : ([['cursor', cursor]] as const)),
    ],
    headers: [
      ...asked.headers,
      ...(asked.key === undefined ? [] : ([['idempotency-key', asked.key]] as const)),
    ],
    body: method === 'GET' ? undefined : bytesOf(asked.body, path, PLANTED[by] ?? { word: '', card: '' }),
  };
}

/** Of a text in which every character is one byte. */
const changedText = (text: string, changes: readonly Change[]): string =>
  changes.reduce(changed, Buffer.from(text, 'latin1')).toString('latin1');

function idOf({ ids }: Known, id: Id, by: number): string {
  if ('text' in id) return id.text;
  const candidates = ids[id.of === 'own' ? by : id.of] ?? [];
  return changedText(candidates[id.at % candidates.length] ?? '', id.changes);
}

async function cursorOf(world: Known, cursor: Cursor): Promise<string> {
  if ('text' in cursor) return cursor.text;
  return changedText(await world.cursor(cursor.of, cursor.query), cursor.changes);
}
