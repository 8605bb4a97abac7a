import type { RequestSpec, StepContext, StepDefinition } from '../../chain/definition.ts';
import { type EncodedBody, encodedBody } from '../../chain/request/body.ts';
import { type KeyUse, keyUseOf, writtenKey } from '../../chain/request/key.ts';
import { requestOf } from '../../chain/request/returned.ts';
import { keyed } from '../fingerprint.ts';
import { excerpt } from '../mask.ts';
import type { Failure } from '../outcome.ts';
import { thrownText } from '../reply/thrown.ts';
import { frozenRemedy } from '../sensitive/frozen.ts';

/** What a request is built from. */
export interface Building {
  readonly step: StepDefinition;
  readonly context: StepContext & { readonly input: Readonly<Record<string, unknown>> };
  /** What no error may show. */
  readonly secrets: () => readonly string[];
  /** `<workflowId>:<step>:do:<round>`. */
  readonly idempotencyKey: string;
  /** Seals what tells one request from another; undefined in a workflow of an earlier release. */
  readonly requestKey: string | undefined;
}

/** A request as its step describes it, before settings and secrets of the stage are known; or why there is none. Nothing was sent. */
export type Built = BuiltRequest | { readonly failure: Failure };

export interface BuiltRequest {
  readonly spec: RequestSpec;
  readonly body: EncodedBody | undefined;
  /** The key as it is. */
  readonly id: string;
  /** How the target takes the key, and the key as it wants it written. */
  readonly keyUse: KeyUse;
  readonly key: string;
  /** Equal for equal requests of one workflow: target, method, path, query, body, and how the key is sent. */
  readonly hash: string | undefined;
}

/** Builds the request of a `request` step. Never throws. The same step, context and key give the same, as its function promises. */
export function buildRequest(building: Building): Built {
  const { step, context, secrets, idempotencyKey, requestKey } = building;
  try {
    const plain = requestOf(step.request?.({ ...context, idempotencyKey }));
    const key = writtenKey(idempotencyKey, keyUseOf(plain.idempotency).format);
    // Only the request says which target it is for, and only the target how the key is written.
    const spec =
      key === idempotencyKey ? plain : requestOf(step.request?.({ ...context, idempotencyKey: key }));
    return builtOf(step, spec, idempotencyKey, requestKey);
  } catch (error) {
    const message = excerpt(thrownText(error) + frozenRemedy(error), secrets());
    return { failure: { code: 'REQUEST_INVALID', message, retriable: false, acted: 'no' } };
  }
}

/** A request with its body in bytes and its key as the target wants it. Errors: `TypeError` for a body that cannot be sent. */
export function builtOf(
  step: StepDefinition,
  spec: RequestSpec,
  idempotencyKey: string,
  requestKey?: string,
): Built {
  const keyUse = keyUseOf(spec.idempotency);
  const key = writtenKey(idempotencyKey, keyUse.format);
  const body = encodedBody(spec.body, idempotencyKey);
  const failure = refusalOf(step, spec, keyUse);
  if (failure !== undefined) return { failure };
  const hash = requestKey === undefined ? undefined : hashOf(spec, body, keyUse, requestKey);
  return { spec, body, id: idempotencyKey, keyUse, key, hash };
}

function hashOf(
  { target, method, path }: RequestSpec,
  body: EncodedBody | undefined,
  { header, format }: KeyUse,
  requestKey: string,
): string {
  // The body is no JSON within JSON: a large one is not written twice. What stands before it ends where the list does.
  const head = JSON.stringify([target, method, path, header, format, body?.contentType]);
  return keyed(requestKey, head + (body?.content ?? '')).slice(0, HASH_LENGTH);
}

/** Characters of base64url: 72 bits, which no two requests of a step share by chance. It is in every item of a step. */
const HASH_LENGTH = 12;

function refusalOf(
  step: StepDefinition,
  { target, lateBy }: RequestSpec,
  { lifetime }: KeyUse,
): Failure | undefined {
  if (step.targets?.includes(target) === false) return notNamed(step, target);
  if (lifetime < step.keyLifetime) return forgetsSooner(step, target, lifetime);
  return lateBy !== undefined && lateBy > step.lateBy ? actsLater(step, target, lateBy) : undefined;
}

/** Deployed, a step is given the targets that its definition names: what works on one machine must work there. */
const notNamed = ({ targets = [] }: StepDefinition, target: string): Failure => ({
  code: 'TARGET_MISSING',
  message: `the request goes to the target "${target}", but the step’s definition names ${targets.length === 0 ? 'none' : `only ${targets.map((name) => `"${name}"`).join(', ')}`}`,
  next: `Write targets: [${[...targets, target].map((name) => `'${name}'`).join(', ')}] in the step, and deploy.`,
  retriable: false,
  acted: 'no',
  target,
});

/** The step would be undone before its call has acted. */
const actsLater = (step: StepDefinition, target: string, lateBy: number): Failure => ({
  code: 'REQUEST_INVALID',
  message: `the target "${target}" may act for ${lateBy} s after a call’s deadline, and the step counts on ${step.lateBy} s`,
  next: `Write lateBy: ${lateBy} in the step, and deploy.`,
  retriable: false,
  acted: 'no',
  target,
});

/** A call would be repeated when its target no longer knows the key. */
const forgetsSooner = (step: StepDefinition, target: string, lifetime: number): Failure => ({
  code: 'REQUEST_INVALID',
  message: `the target "${target}" ${lifetime === 0 ? 'takes no idempotency key' : `remembers an idempotency key for ${lifetime} s`}, and the step counts on ${step.keyLifetime} s`,
  next: `Write idempotency: ${lifetime === 0 ? "'none'" : `{ lifetime: ${lifetime} }`} in the step, and deploy.`,
  retriable: false,
  acted: 'no',
  target,
});
