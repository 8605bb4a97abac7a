import type { Undone } from '../../../lib/chain/definition.ts';
import { CALL_HEADERS } from '../../../lib/contract/names.ts';
import type { HttpRequest } from '../../../lib/engine/ports.ts';
import { MADE_AT } from '../world/drifting.ts';
import { isAlike } from './constants.ts';
import { callOf, deedOf, isCompleted, keyOfCall, partsOf, type Shadow, stepOf } from './shadow.ts';

/** Holds the requests that one worker sends to what their steps make of the input that was sent with the start. */
export interface Requests {
  /** An attempt begins under this key. */
  begins(idempotencyKey: string): void;
  /** What is wrong with a request that is about to be sent. @param deadlineMs when it is given up */
  problems(idempotencyKey: string, request: HttpRequest, deadlineMs: number): string[];
}

/** @param now in milliseconds since 1970 */
export function createRequests(
  find: (workflowId: string) => Shadow | undefined,
  now: () => number,
): Requests {
  const begun = new Map<string, number>();
  return {
    begins: (key) => {
      begun.set(key, now());
    },
    problems: (key, request, deadlineMs) => {
      const { workflowId, ...deed } = partsOf(key);
      const shadow = find(workflowId);
      const began = begun.get(key);
      // A call that belongs to no attempt is found elsewhere.
      if (shadow === undefined || began === undefined) return [];
      const name = deedOf(deed);
      const wrong = [...differences(shadow, key, request), ...lookupProblems(key, request)].map(
        (what) => `${name} sends ${what}`,
      );
      const most = began + callOf(shadow, deed).timeout * 1_000;
      const over = now() + deadlineMs - most;
      return over > 0 ? [...wrong, `${name} gives its target ${over} ms more than its timeout`] : wrong;
    },
  };
}

/** What is wrong with a request by which a target is only asked: it must not be taken for one that acts. */
function lookupProblems(key: string, { headers, fresh, body }: HttpRequest): string[] {
  if (partsOf(key).action !== 'lookup') return [];
  return [
    ...(headers[CALL_HEADERS.idempotencyKey] === undefined ? [] : ['an idempotency key']),
    ...(headers[CALL_HEADERS.callId] === key ? [] : [`the call id ${headers[CALL_HEADERS.callId]}`]),
    ...(body === undefined ? [] : ['a body']),
    ...(fresh ? [] : ['a request over a connection that may break']),
  ];
}

function differences(shadow: Shadow, key: string, { method, url, body }: HttpRequest): string[] {
  const { step, action } = partsOf(key);
  const [created] = shadow.changes;
  const { request, undo, lookup } = stepOf(shadow, step);
  const seen = {
    input: created !== undefined && 'meta' in created ? created.meta.input : {},
    results: resultsFor(shadow, step),
    idempotencyKey: 'key',
  };
  const spec =
    action === undefined
      ? request?.(seen)
      : action === 'undo'
        ? undo?.request?.({ ...seen, undone: undoneOf(shadow, step) })
        : lookup?.request({ ...seen, idempotencyKey: key.replace(':lookup:', ':do:') });
  if (spec === undefined) return ['a request, and has none'];
  const wanted = `${spec.method} https://${spec.target}${spec.path}`;
  const sent: unknown = body === undefined ? undefined : JSON.parse(body);
  return [
    ...(`${method} ${url}` === wanted ? [] : [`${method} ${url}, not ${wanted}`]),
    ...(isAlike(withoutTime(sent), withoutTime(spec.body))
      ? []
      : [`${body}, not ${JSON.stringify(spec.body)}`]),
  ];
}

/** What the undo of a step is told: what the step answered, if that is known, and the key of its last call. */
const undoneOf = (shadow: Shadow, step: string): Undone => {
  const { round = 0, result } = shadow.steps.get(step) ?? {};
  return {
    result: isCompleted(shadow, step) ? result : undefined,
    idempotencyKey: keyOfCall(shadow, { step, round }),
  };
};

/** A body without what is made of the time: that may be another when it is looked at. */
const withoutTime = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && MADE_AT in body ? { ...body, [MADE_AT]: undefined } : body;

/** The results that were saved of all the steps that come before one. */
function resultsFor(shadow: Shadow, name: string): Readonly<Record<string, unknown>> {
  const before = new Set<string>();
  const collect = (step: string): void => {
    for (const one of stepOf(shadow, step).after) {
      if (before.has(one)) continue;
      before.add(one);
      collect(one);
    }
  };
  collect(name);
  const saved = [...before].filter((step) => isCompleted(shadow, step));
  return Object.fromEntries(saved.map((step) => [step, shadow.steps.get(step)?.result]));
}
