import { createHash } from 'node:crypto';
import type { ChainDefinition } from '../../chain/definition.ts';
import { roots } from '../../chain/graph.ts';
import { shapeHash } from '../../chain/shape.ts';
import { DAY_MS, LIMITS } from '../../contract/limits.ts';
import type { StartAnswer } from '../../contract/wire.ts';
import { asSent, fingerprint, matches, withoutSensitive } from '../fingerprint.ts';
import { nextLook } from '../lateness/lateness.ts';
import type { Outgoing } from '../ports.ts';
import { fieldErrors, ProblemError } from '../problems.ts';
import { frozen } from '../sensitive/frozen.ts';
import { added, definitionOf, idsOf, loadState, messageFor, toStep } from '../shell.ts';
import type { WorkflowMeta } from '../state.ts';
import { type ApiEngine, sendOrLeave } from './api-engine.ts';

export interface StartRequest {
  readonly tenant: string;
  /** The body, as JSON.parse returned it. */
  readonly payload: unknown;
  /** Its names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** The request's own key. */
  readonly idempotencyKey?: string;
}

/** Saves a workflow and queues its first steps. Errors: `ProblemError`; the store's own, and then nothing was promised. */
export async function start(
  engine: ApiEngine,
  chain: ChainDefinition,
  request: StartRequest,
): Promise<StartAnswer> {
  const { ports } = engine;
  let input: Awaited<ReturnType<typeof parseInput>>;
  try {
    input = await parseInput(chain, request.payload);
  } catch (refusal) {
    return await begunBefore(engine, chain, request, refusal);
  }
  const key = startKeyOf(chain, request, input);
  const meta = newMeta(engine, chain, { key, ...request }, input);
  const create = () => ports.store.create(meta);
  const written = await create().catch(create);
  const current = written.written ? meta : written.current;
  if (current === undefined) throw new Error('the new workflow was neither saved nor found');
  // A failed put that finds my own nonce was my own. Without a key nobody else can have made this id: what another nonce
  // tells is that the workflow was cancelled, or failed and was resumed, before the put was repeated.
  const isMine = key === undefined || current.nonce === meta.nonce;
  if (!isMine) return await repeated(engine, chain, current, request.payload);
  ports.telemetry.emit(added(idsOf(current), { event: 'workflow_started' }));
  if (current.status === 'processing') await sendOrLeave(engine, current, firstMessages(chain, current));
  return { workflowId: current.workflowId, status: current.status };
}

async function parseInput(
  chain: ChainDefinition,
  payload: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const parsed = await chain.input.safeParseAsync(payload);
  if (!parsed.success) {
    throw new ProblemError(
      'INVALID_REQUEST',
      `the body does not fit the input of ${chain.name}; see errors`,
      fieldErrors(parsed.error),
    );
  }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data));
  if (bytes > LIMITS.inputBytes) {
    throw new ProblemError(
      'TOO_LARGE',
      `the input has ${bytes} bytes of JSON; the most is ${LIMITS.inputBytes}`,
    );
  }
  return Object.fromEntries(Object.entries(parsed.data ?? {}));
}

/** What makes a repeat of this start the same start: what the chain finds in it, or else the key that the client sent. */
function startKeyOf(
  chain: ChainDefinition,
  { headers = {}, idempotencyKey }: StartRequest,
  input: Readonly<Record<string, unknown>>,
): string | undefined {
  if (chain.startKey === undefined) return idempotencyKey;
  const key: unknown = chain.startKey({ input: frozen(withoutSensitive(input, chain.sensitive)), headers });
  if (typeof key !== 'string' || key.length === 0 || key.length > LIMITS.idempotencyKeyLength) {
    throw new ProblemError(
      'INVALID_REQUEST',
      `${chain.name} takes its key from the request, and this one has none: see its startKey; a key has 1 to ${LIMITS.idempotencyKeyLength} characters`,
    );
  }
  if (idempotencyKey !== undefined && idempotencyKey !== key) {
    throw new ProblemError(
      'INVALID_REQUEST',
      `${chain.name} takes its key from the request, and the Idempotency-Key is another one: leave it out`,
      [{ field: 'Idempotency-Key', message: 'Differs from the key of the request itself' }],
    );
  }
  return key;
}

function newMeta(
  engine: ApiEngine,
  chain: ChainDefinition,
  { tenant, payload, key }: StartRequest & { readonly key: string | undefined },
  input: Readonly<Record<string, unknown>>,
): WorkflowMeta {
  const { clock, random } = engine.ports;
  const now = clock.now();
  const id = key === undefined ? random.token() : derivedId(tenant, chain.name, key);
  const meta = {
    tenant,
    workflowId: workflowIdOf(id),
    chain: chain.name,
    version: chain.version,
    shape: shapeHash(chain),
    status: 'processing' as const,
    epoch: 0,
    ...(chain.onFailure === 'undo' ? { onFailure: chain.onFailure } : {}),
    input,
    ...(key === undefined
      ? {}
      : { fingerprint: fingerprint(asSent(chain.input, payload), chain.sensitive, random.token()) }),
    requestKey: random.token(),
    nonce: random.token(),
    createdAt: now,
    updatedAt: now,
    expiresAt: now + chain.keepDays * DAY_MS,
  };
  return added(meta, { dueAt: nextLook(chain, { meta, steps: new Map() }, now) });
}

const workflowIdOf = (id: string): string => `wf_${id}`;

const derivedId = (tenant: string, chain: string, key: string): string =>
  createHash('sha256')
    .update(JSON.stringify([tenant, chain, key]))
    .digest('hex')
    .slice(0, 32);

/** A start that today's schema refuses may have been taken by the one of its time: then it must not be refused now. */
async function begunBefore(
  engine: ApiEngine,
  chain: ChainDefinition,
  { tenant, payload, idempotencyKey }: StartRequest,
  refusal: unknown,
): Promise<StartAnswer> {
  if (idempotencyKey === undefined || chain.startKey !== undefined) throw refusal;
  const workflowId = workflowIdOf(derivedId(tenant, chain.name, idempotencyKey));
  const state = await loadState(engine.ports, { tenant, workflowId });
  if (state === undefined) throw refusal;
  return await repeated(engine, chain, state.meta, payload);
}

/** A start under a key that was used before: the same workflow again, or a refusal. */
async function repeated(
  engine: ApiEngine,
  chain: ChainDefinition,
  meta: WorkflowMeta,
  payload: unknown,
): Promise<StartAnswer> {
  if (!(await isRepeat(engine, chain, meta, payload))) {
    throw new ProblemError(
      'KEY_REUSED',
      `this Idempotency-Key started ${meta.workflowId} with another payload; send that payload again, or use a new key`,
      [{ field: 'Idempotency-Key', message: 'Already used with another payload' }],
    );
  }
  const began = definitionOf(engine.chains, meta);
  const state = meta.status === 'processing' ? await loadState(engine.ports, meta) : undefined;
  if (state?.meta.status === 'processing' && state.steps.size === 0 && began !== undefined) {
    await sendOrLeave(engine, state.meta, firstMessages(began, state.meta));
  }
  return { workflowId: meta.workflowId, status: state?.meta.status ?? meta.status };
}

/**
 * Whether a body is the one that began the workflow. Workflows of earlier releases kept what the schema made of it: those are compared
 * by that. Errors: `ProblemError` for a body that is neither sent as it was then, nor one that the schema takes.
 */
async function isRepeat(
  engine: ApiEngine,
  chain: ChainDefinition,
  meta: WorkflowMeta,
  payload: unknown,
): Promise<boolean> {
  if (meta.fingerprint === undefined) return false;
  // The fingerprint is of the version that began the workflow, whose fields, and those that are sensitive, may be others.
  const by = engine.chains.find(meta.chain, meta.version) ?? chain;
  if (matches(meta.fingerprint, asSent(by.input, payload), by.sensitive)) return true;
  return matches(meta.fingerprint, await parseInput(by, payload), by.sensitive);
}

const firstMessages = (chain: ChainDefinition, meta: WorkflowMeta): readonly Outgoing[] =>
  roots(chain).map((step) => toStep(messageFor(meta, step.name)));
