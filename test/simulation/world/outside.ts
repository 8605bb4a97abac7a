import { CALL_HEADERS } from '../../../lib/contract/names.ts';
import type { Http, HttpRequest } from '../../../lib/engine/ports.ts';
import type { Time } from '../../../lib/testing/world/time.ts';
import type { Caller, Outside } from '../../../lib/testing/world/witness.ts';
import type { Oracle } from '../oracle/oracle.ts';
import { createRequests } from '../oracle/request.ts';
import { isLookupTarget, lookupTarget } from './lookups.ts';
import type { SimulatedTargets } from './targets.ts';
import { undoTarget } from './undo-target.ts';

interface Options {
  readonly time: Time;
  readonly oracle: Oracle;
  readonly targets: SimulatedTargets;
  /** Targets that are asked what became of a call. */
  readonly lookups: Http['call'];
}

const targetOf = (step: string, action: 'undo' | 'lookup' | undefined): string =>
  action === undefined ? step : action === 'undo' ? undoTarget(step) : lookupTarget(step);

/** The targets as each worker meets them, and beside them the oracle. */
export const outsideOf =
  ({ time, oracle, targets, lookups }: Options) =>
  (caller: Caller): Outside => {
    const requests = createRequests(oracle.find, time.now);
    /** The key of the last attempt that began here, by workflow and step. */
    const begun = new Map<string, string>();
    /** The key that a request has, or would have if its target took one: the target has the name of the step. */
    const keyOf = ({ headers, url }: HttpRequest): string =>
      headers[CALL_HEADERS.idempotencyKey] ??
      begun.get(`${headers[CALL_HEADERS.workflowId]}:${new URL(url).hostname}`) ??
      '';
    return {
      call: (request, deadlineMs) => {
        const key = keyOf(request);
        for (const problem of requests.problems(key, request, deadlineMs)) oracle.report(problem);
        const ended = oracle.called(key, deadlineMs, caller.name);
        const isLookup = isLookupTarget(new URL(request.url).hostname);
        const calling = isLookup ? lookups(request, deadlineMs) : targets.call(request, key, deadlineMs);
        return calling.then((outcome) => {
          ended(outcome);
          return outcome;
        });
      },
      emitted: (event) => {
        if (event.event === 'attempt_started') {
          const { action, idempotencyKey, step, workflowId } = event;
          requests.begins(idempotencyKey);
          begun.set(`${workflowId}:${targetOf(step, action)}`, idempotencyKey);
        }
        oracle.emitted(event, caller);
      },
    };
  };
