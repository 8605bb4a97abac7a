import type { TypedChain } from '../chain/types.ts';
import { LIMITS } from '../contract/limits.ts';
import { isTerminal, SEEN_HEADER, timelinePath, undoPath, workflowPath } from '../contract/names.ts';
import type { UndoPlan } from '../contract/wire.ts';
import { NoAnswer, objectIn, WaitTimeout, WorkflowFailed } from './errors.ts';
import type { Ask, Exchange, Reply } from './exchange.ts';
import type { Settled } from './options.ts';
import { askedFor } from './retry.ts';
import type { Asking, Completed, Timeline, WaitOptions, Workflow, WorkflowHandle } from './types.ts';

export function handleOf<Chains extends TypedChain>(
  exchange: Exchange,
  options: Settled,
  workflowId: string,
): WorkflowHandle<Chains> {
  const path = workflowPath(encodeURIComponent(workflowId));
  const read = <Shown>(of: string, is: (json: object) => json is Shown & object, { signal }: Asking = {}) =>
    asked<Shown>(exchange, { method: 'GET', path: of, repeatable: true, signal }, is);
  const change =
    (operation: string) =>
    (body: object = {}, { signal }: Asking = {}): Promise<Workflow<Chains>> =>
      asked(
        exchange,
        { method: 'POST', path: `${path}/${operation}`, body, repeatable: false, signal },
        isWorkflow<Chains>,
      );
  return {
    workflowId,
    get: (asking) => read(path, isWorkflow<Chains>, asking),
    wait: (waiting) => waitFor<Chains>(exchange, options, path, waiting),
    timeline: (asking) => read(timelinePath(encodeURIComponent(workflowId)), isTimeline<Chains>, asking),
    undoPlan: (asking) => read(undoPath(encodeURIComponent(workflowId)), isUndoPlan, asking),
    cancel: change('cancel'),
    resume: change('resume'),
    undo: change('undo'),
  };
}

async function asked<Shown>(
  exchange: Exchange,
  ask: Ask,
  is: (json: object) => json is Shown & object,
): Promise<Shown> {
  return readAs(ask, await exchange(ask), is);
}

/** Looks at what the client itself relies on; the rest is what the API promises. Errors: `NoAnswer`. */
export function readAs<Shown>(
  { method, path }: Ask,
  { text }: Reply,
  is: (json: object) => json is Shown & object,
): Shown {
  const json = objectIn(text);
  if (is(json)) return json;
  throw new NoAnswer(
    `${method} ${path}`,
    1,
    new Error('it is not what Stepline answers; look at the address'),
  );
}

const isWorkflow = <Chains extends TypedChain>(json: object): json is Workflow<Chains> & object =>
  'workflowId' in json &&
  typeof json.workflowId === 'string' &&
  'status' in json &&
  typeof json.status === 'string';
const isTimeline = <Chains extends TypedChain>(json: object): json is Timeline<Chains> & object =>
  isWorkflow<Chains>(json) && 'timeline' in json && Array.isArray(json.timeline);
const isUndoPlan = (json: object): json is UndoPlan => 'steps' in json && Array.isArray(json.steps);

const isCompleted = <Chains extends TypedChain>(workflow: Workflow<Chains>): workflow is Completed<Chains> =>
  workflow.status === 'completed';

async function waitFor<Chains extends TypedChain>(
  exchange: Exchange,
  { now, sleep }: Settled,
  path: string,
  { timeout, signal }: WaitOptions = {},
): Promise<Completed<Chains>> {
  const end = timeout === undefined ? Number.POSITIVE_INFINITY : now() + timeout * 1_000;
  let seen: { readonly workflow: Workflow<Chains>; readonly etag: string | null } | undefined;
  for (;;) {
    const began = now();
    const seconds = Math.min(LIMITS.waitMost, Math.floor((end - began) / 1_000));
    const etag = seen?.etag ?? null;
    const ask: Ask = {
      ...{ method: 'GET', path, repeatable: true, signal, until: end },
      ...(etag === null ? {} : { headers: { [SEEN_HEADER]: etag } }),
      ...(etag === null || seconds < 1 ? {} : { query: { wait: String(seconds) } }),
    };
    const reply = await exchange(ask);
    if (reply.status !== 304) {
      const workflow = readAs(ask, reply, isWorkflow<Chains>);
      if (isCompleted<Chains>(workflow)) return workflow;
      if (isTerminal(workflow.status)) throw new WorkflowFailed(workflow);
      seen = { workflow, etag: reply.headers.get('etag') };
    }
    if (seen === undefined)
      throw new NoAnswer(`GET ${path}`, 1, new Error('it is 304, and nothing was seen before'));
    const left = end - now();
    if (left <= 0) throw new WaitTimeout(seen.workflow, timeout ?? 0);
    // With less than a second left nobody can wait at the server: one look is left, at the end.
    const pause = left < 1_000 ? left : Math.min(left, pauseOf(reply, now() - began, now()));
    if (pause > 0) await sleep(pause, signal);
  }
}

/** How long to wait before the next look: not at all where the server has waited, or brought news and can wait for the next. */
function pauseOf({ status, headers }: Reply, tookMs: number, now: number): number {
  const asked = askedFor(headers.get('retry-after'), now);
  if (asked !== undefined) return asked;
  const canWait = headers.get('etag') !== null && (status !== 304 || tookMs >= LIMITS.clientLookMs);
  return canWait ? 0 : LIMITS.clientLookMs;
}
