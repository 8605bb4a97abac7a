import type { LookupDefinition, RequestSpec, StepDefinition } from '../../chain/definition.ts';
import { Answer } from '../../chain/request/answer.ts';
import { requestOf } from '../../chain/request/returned.ts';
import type { Reply } from '../../chain/request/verdict.ts';
import { LIMITS } from '../../contract/limits.ts';
import { idempotencyKey } from '../../contract/names.ts';
import type { Place } from '../decision.ts';
import { excerpt } from '../mask.ts';
import { NOTHING_THERE } from '../outcome.ts';
import { thrownText } from '../reply/thrown.ts';
import { type Built, builtOf } from '../request/build.ts';
import { keySent, type SeenBy } from '../request/seen.ts';
import { frozenRemedy } from '../sensitive/frozen.ts';

/** Definitions never change, so each is made once. */
const made = new WeakMap<StepDefinition, StepDefinition>();

/** The lookup of a step as a step: what is called, and how. Undefined for a step without one. */
export function lookingUp(step: StepDefinition): StepDefinition | undefined {
  const { lookup } = step;
  if (lookup === undefined) return undefined;
  const known = made.get(step);
  if (known !== undefined) return known;
  const { run: _, when: __, ...place } = step;
  const looking: StepDefinition = {
    ...place,
    ...lookup,
    secrets: [],
    response: undefined,
    statuses: undefined,
    reply: (reply, next) => (speaks(reply) ? answerOf(lookup, reply) : next()),
    // It sends no key, and does nothing late.
    keyLifetime: 0,
    lateBy: LIMITS.lateByMost,
    undo: undefined,
    pivot: false,
  };
  made.set(step, looking);
  return looking;
}

const speaks = ({ status }: Reply): boolean =>
  (status >= 200 && status < 300) || NOTHING_THERE.includes(status);

/** Errors: throws where the lookup does not answer. */
function answerOf(lookup: LookupDefinition, reply: Reply): Answer {
  const said = lookup.reply(reply);
  if (said instanceof Answer) return said;
  // One that is rejected, and that nobody waits for, would end the process.
  if (said instanceof Promise) said.catch(() => undefined);
  const what =
    said instanceof Promise ? 'a promise: write it without async' : `${typeof said}, and no answer`;
  throw new TypeError(`it returned ${what}; return done(result), notDone() or unknown()`);
}

/** What a lookup sends: no key of its own, as it never acts. Never throws. */
export function buildLookup(at: Omit<Place, 'action'>, round: number, seenBy: SeenBy): Built {
  const place = { ...at, action: 'lookup' } as const;
  const { context, secrets } = seenBy(place);
  const sent = keySent(place, context, secrets);
  if (sent.failure !== undefined) return { failure: sent.failure };
  const step = lookingUp(at.step) ?? at.step;
  const id = callIdOf(at, round);
  try {
    const spec: RequestSpec = requestOf(step.request?.({ ...context, idempotencyKey: sent.key }));
    return builtOf(step, { ...spec, idempotency: 'none' }, id);
  } catch (error) {
    return {
      failure: {
        code: 'REQUEST_INVALID',
        message: excerpt(thrownText(error) + frozenRemedy(error), secrets()),
        next: `Correct the lookup of the step ${step.name}, and deploy.`,
        retriable: false,
        acted: 'no',
      },
    };
  }
}

/** Names the requests of a lookup in logs. @example callIdOf(at, 0) // 'wf_…:payment:lookup:0' */
export const callIdOf = ({ state, step }: Omit<Place, 'action'>, round: number): string =>
  idempotencyKey({ workflowId: state.meta.workflowId, step: step.name, action: 'lookup', round });
