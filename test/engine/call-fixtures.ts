import type { StepDefinition } from '../../lib/chain/definition.ts';
import { perform } from '../../lib/engine/calling/call.ts';
import type { Call, CallResult } from '../../lib/engine/calling/types.ts';
import { secretsOf } from '../../lib/engine/mask.ts';
import type { Failure } from '../../lib/engine/outcome.ts';
import type { HttpOutcome, HttpRequest, Targets } from '../../lib/engine/ports.ts';
import { buildRequest } from '../../lib/engine/request/build.ts';
import { type ManualClock, manualClock } from '../support/manual-clock.ts';
import { buildChain } from './fixtures.ts';

export const WORKFLOW = 'wf_0123456789abcdef0123456789abcdef';
export const CARD = '4242424242424242';

/** A step as the chain builder makes it. */
export function stepOf(options: Readonly<Record<string, unknown>>): StepDefinition {
  const [step] = buildChain({ a: [] }, () => options).steps;
  if (step === undefined) throw new Error('the chain has one step');
  return step;
}

export const postCharge = () => ({
  target: 'payments',
  method: 'POST',
  path: '/charges',
  body: { amount: 5 },
});

/** A reply with this body, JSON unless it is text already. */
export const reply = (
  body: unknown,
  status = 200,
  more: {
    headers?: Readonly<Record<string, string>>;
    repeated?: true;
    untilClose?: true;
    unreadable?: string;
  } = {},
): HttpOutcome => ({
  kind: 'reply',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...more,
});

/** Ports made by hand: what was asked of them, and answers as told. */
export interface Outside {
  readonly clock: ManualClock;
  readonly calls: { readonly request: HttpRequest; readonly deadlineMs: number }[];
  readonly resolved: string[];
  answer: HttpOutcome;
  resolve: Targets['resolve'];
  secret?: NonNullable<Targets['secret']>;
  perform(step: StepDefinition, changes?: Partial<Call>): Promise<CallResult>;
}

export function outside(): Outside {
  const clock = manualClock();
  const made: Outside = {
    clock,
    calls: [],
    resolved: [],
    answer: reply({ orderId: 'o-1' }),
    resolve: async () => ({ baseUrl: 'https://payments.test/v1', headers: {} }),
    perform: (step, changes = {}) =>
      perform(
        {
          clock,
          http: {
            call: async (request, deadlineMs) => {
              made.calls.push({ request, deadlineMs });
              return made.answer;
            },
          },
          targets: {
            resolve: (name) => {
              made.resolved.push(name);
              return made.resolve(name);
            },
            ...(made.secret === undefined ? {} : { secret: made.secret }),
          },
          random: { fraction: () => 0, token: () => 'fedcba9876543210fedcba9876543210' },
        },
        called(step, {
          context: { input: { card: CARD, amount: 5 }, results: { before: { id: 'b' } } },
          secrets: () => secretsOf(changes.context?.input ?? { card: CARD }, ['card']),
          workflowId: WORKFLOW,
          idempotencyKey: `${WORKFLOW}:a:do:0`,
          deadlineMs: 30_000,
          fresh: false,
          ...changes,
        }),
      ),
  };
  return made;
}

/** A call as the worker makes it: with the request that its step builds. */
function called(step: StepDefinition, rest: Omit<Call, 'step' | 'built'>): Call {
  const { context, secrets, idempotencyKey } = rest;
  const building = { step, context, secrets, idempotencyKey, requestKey: 'seal' };
  return { built: step.request === undefined ? undefined : buildRequest(building), ...rest, step };
}

/** The failure in a result. */
export function failureOf(result: CallResult): Failure {
  if (result.ok) throw new Error('the call succeeded');
  return result.failure;
}
