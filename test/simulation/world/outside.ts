import { CALL_HEADERS } from '../../../lib/contract/names.ts';
import type { HttpRequest } from '../../../lib/engine/ports.ts';
import type { Time } from '../../../lib/testing/world/time.ts';
import type { Caller, Outside } from '../../../lib/testing/world/witness.ts';
import type { Oracle } from '../oracle/oracle.ts';
import { createRequests } from '../oracle/request.ts';
import type { SimulatedTargets } from './targets.ts';
import { undoTarget } from './undo-target.ts';

interface Options {
  readonly time: Time;
  readonly oracle: Oracle;
  readonly targets: SimulatedTargets;
}

/** The targets as each worker meets them, and beside them the oracle. */
export const outsideOf =
  ({ time, oracle, targets }: Options) =>
  (caller: Caller): Outside => {
    const requests = createRequests(oracle.find, time.now);
    /** The key of the last attempt that began here, by workflow and step. */
    const begun = new Map<string, string>();
    /** The key that a request has, or would have if its target took one: the target has the name of the step. */
    const keyOf = ({ headers, url }: HttpRequest): string => {
      const place = `${headers[CALL_HEADERS.workflowId]}:${new URL(url).hostname}`;
      return headers[CALL_HEADERS.idempotencyKey] ?? begun.get(place) ?? '';
    };
    return {
      call: (request, deadlineMs) => {
        const key = keyOf(request);
        for (const problem of requests.problems(key, request, deadlineMs)) oracle.report(problem);
        const ended = oracle.called(key, caller.name);
        return targets.call(request, key, deadlineMs).then((outcome) => {
          ended(outcome);
          return outcome;
        });
      },
      emitted: (event) => {
        if (event.event === 'attempt_started') {
          const { action, idempotencyKey, step, workflowId } = event;
          requests.begins(idempotencyKey);
          begun.set(`${workflowId}:${action === undefined ? step : undoTarget(step)}`, idempotencyKey);
        }
        oracle.emitted(event, caller);
      },
    };
  };
