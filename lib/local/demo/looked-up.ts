import type { Asked, Caller } from './answers.ts';
import { DEMO_TARGETS, type DemoTarget } from './catalogue.ts';
import { HttpRefusal } from './http.ts';
import type { Ledger, StoredReply } from './ledger.ts';

/**
 * What a call is answered that asks what became of another one; undefined where it is none. A lookup of a step says it by the headers that every call
 * carries. A call by hand says it by its route. It never acts.
 * Errors: `HttpRefusal` 404 where no call with that key has had an effect, and 501 where the step may have called another target.
 */
export function lookedUp(asked: Asked, caller: Caller | undefined, ledger: Ledger): StoredReply | undefined {
  const key = caller === undefined ? byRoute(asked) : bySteps(asked, caller);
  if (key === undefined) return undefined;
  const reply = ledger.replyAbout(key);
  if (reply === undefined) throw new HttpRefusal(404, 'no call with this key has had an effect');
  return { ...reply, status: 200 };
}

function bySteps({ target }: Asked, { name, looksUp }: Caller): string | undefined {
  if (looksUp?.targets?.includes(target) !== false) return looksUp?.key;
  throw new HttpRefusal(501, `${target} cannot tell ${name} of a call that it does not know to be its own`);
}

function byRoute({ target, method, path, query }: Asked): string | undefined {
  const known: Readonly<Record<string, DemoTarget>> = DEMO_TARGETS;
  const parameter = known[target]?.looksUp;
  return method === 'GET' && path === known[target]?.path && parameter !== undefined
    ? query[parameter]
    : undefined;
}
