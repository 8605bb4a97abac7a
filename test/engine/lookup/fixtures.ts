import * as z from 'zod';
import { done, notDone, unknown } from '../../../lib/chain/index.ts';
import type { Reply } from '../../../lib/chain/request/verdict.ts';
import { buildChain, GRAPHS } from '../fixtures.ts';
import { status } from '../world.ts';

/** Says what the body of a reply says: { "is": "done", "result": … }. */
const reply = ({ status: code, body }: Reply) => {
  if (code === 404) return notDone();
  const { is, result } = z.object({ is: z.string(), result: z.unknown().optional() }).parse(body);
  return is === 'done' ? done(result) : is === 'unknown' ? unknown() : notDone();
};

export const says = (is: string, result?: unknown) => status(200, JSON.stringify({ is, result }));

/** Asks at `/asked-<name>`, by the key in the header `x-key`. */
export const lookupOf = (name: string, changes: Readonly<Record<string, unknown>> = {}) => ({
  request: ({ idempotencyKey }: { idempotencyKey: string }) => ({
    target: 'api',
    method: 'GET',
    path: `/asked-${name}`,
    headers: { 'x-key': idempotencyKey },
  }),
  reply,
  retries: 1,
  ...changes,
});

/** A line of three steps that post to their names, and whose target can be asked. */
export const askedChain = (
  step: Readonly<Record<string, unknown>> = {},
  lookup: Readonly<Record<string, unknown>> | undefined = {},
  chain: Readonly<Record<string, unknown>> = {},
) =>
  buildChain(
    GRAPHS.line,
    (name) => ({
      request: () => ({ target: 'api', method: 'POST', path: `/${name}` }),
      response: z.object({ ok: z.string() }),
      retries: 0,
      lookup: lookupOf(name, lookup),
      ...step,
    }),
    { input: z.strictObject({ card: z.string(), amount: z.number() }), sensitive: ['card'], ...chain },
  );
