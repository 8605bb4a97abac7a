import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { ChainDefinition } from '../chain/definition.ts';
import { healthyDuration, roots } from '../chain/graph.ts';
import { DAY_MS, LIMITS } from '../contract/limits.ts';
import type { OperationName, WorkflowStatus } from '../contract/names.ts';
import type { CancelBody, ListAnswer, ResumeBody, StartAnswer, WorkflowAnswer } from '../contract/wire.ts';
import { isExpiring } from './decision.ts';
import { toldOf } from './errors.ts';
import { asSent, fingerprint, matches, withoutSensitive } from './fingerprint.ts';
import { excerpt } from './mask.ts';
import type { ListFilter, Outgoing } from './ports.ts';
import { type FieldError, ProblemError, shownField } from './problems.ts';
import { decideRepairs } from './reconciler.ts';
import {
  type Engine,
  erase,
  idsOf,
  loadState,
  messageFor,
  saveMeta,
  sensitiveOf,
  toStep,
  undue,
} from './shell.ts';
import type { WorkflowKey, WorkflowMeta, WorkflowState } from './state.ts';
import { describe } from './view.ts';

/** What the requests of clients need. */
export type ApiEngine = Engine<'store' | 'queue' | 'clock' | 'random' | 'telemetry'>;

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
  const meta = newMeta(engine, chain, { ...request, key }, input);
  const create = () => ports.store.create(meta);
  const written = await create().catch(create);
  const current = written.written ? meta : written.current;
  if (current === undefined) throw new Error('the new workflow was neither saved nor found');
  // A failed put that finds my own nonce was my own. Without a key nobody else can have made this id: what another nonce
  // tells is that the workflow was cancelled, or failed and was resumed, before the put was repeated.
  const isMine = key === undefined || current.nonce === meta.nonce;
  if (!isMine) return await repeated(engine, chain, current, request.payload);
  ports.telemetry.emit({ ...idsOf(current), event: 'workflow_started' });
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

/** One entry for each refused field, the first hundred of them; an unknown field is named itself. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  const named: FieldError[] = [];
  for (const one of refusedFields(error)) {
    if (named.length === LIMITS.fieldsNamed) {
      named.push({
        field: '(body)',
        message: `More fields are wrong; only ${LIMITS.fieldsNamed} are named here`,
      });
      break;
    }
    named.push(one);
  }
  return named;
}

/** One after the other: all of them together may be a thousand times as long as the body. */
function* refusedFields({ issues }: z.ZodError): Generator<FieldError> {
  for (const issue of issues) {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') {
      yield { field: shownField(path.join('.')) || '(body)', message: issue.message };
      continue;
    }
    for (const key of issue.keys) {
      yield { field: shownField([...path, key].join('.')), message: 'Unknown field' };
    }
  }
}

/** What makes a repeat of this start the same start: what the chain finds in it, or else the key that the client sent. */
function startKeyOf(
  chain: ChainDefinition,
  { headers = {}, idempotencyKey }: StartRequest,
  input: Readonly<Record<string, unknown>>,
): string | undefined {
  if (chain.startKey === undefined) return idempotencyKey;
  const key: unknown = chain.startKey({ input: withoutSensitive(input, chain.sensitive), headers });
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
  return {
    tenant,
    workflowId: workflowIdOf(id),
    chain: chain.name,
    version: chain.version,
    status: 'processing',
    epoch: 0,
    input,
    ...(key === undefined
      ? {}
      : { fingerprint: fingerprint(asSent(chain.input, payload), chain.sensitive, random.token()) }),
    nonce: random.token(),
    createdAt: now,
    updatedAt: now,
    dueAt: now + healthyDuration(chain) * 1_000,
    expiresAt: now + chain.keepDays * DAY_MS,
  };
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
  const began = engine.chains.find(meta.chain, meta.version);
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

/** META is saved, so the promise stands: should the queue refuse, the reconciler sends. */
async function sendOrLeave(
  { ports }: ApiEngine,
  meta: WorkflowMeta,
  outgoing: readonly Outgoing[],
): Promise<void> {
  try {
    await ports.queue.send(outgoing);
  } catch (error) {
    const { workflowId } = meta;
    ports.telemetry.emit({ event: 'unexpected_error', where: 'send', ...toldOf(error), workflowId });
  }
}

/** One workflow as its users see it. */
export async function get(engine: ApiEngine, key: WorkflowKey, timeline: boolean): Promise<WorkflowAnswer> {
  return answer(engine, await existing(engine, key), timeline);
}

function answer({ chains, ports }: ApiEngine, state: WorkflowState, timeline = false): WorkflowAnswer {
  const { meta } = state;
  const chain = chains.find(meta.chain, meta.version);
  const view = describe(chain, state, ports.clock.now(), timeline);
  if (view.outputProblem !== undefined) {
    const message = excerpt(view.outputProblem, []);
    ports.telemetry.emit({ ...idsOf(meta), event: 'output_failed', version: meta.version, message });
  }
  return view.answer;
}

async function existing(engine: ApiEngine, key: WorkflowKey): Promise<WorkflowState> {
  const first = await loadState(engine.ports, key);
  // A load that begins once the workflow has completed finds every step, or it has expired.
  const state = first && lacksSteps(engine, first) ? await loadState(engine.ports, key) : first;
  if (state === undefined)
    throw new ProblemError('UNKNOWN_WORKFLOW', `there is no workflow ${key.workflowId}`);
  return state;
}

/** A query is no snapshot: steps may have been read before they had an item, and META when it was completed. */
const lacksSteps = ({ chains }: ApiEngine, { meta, steps }: WorkflowState): boolean =>
  meta.status === 'completed' &&
  chains.find(meta.chain, meta.version)?.steps.every(({ name }) => steps.has(name)) === false;

/** A page of workflows, newest first. */
export async function list({ ports }: ApiEngine, filter: ListFilter): Promise<ListAnswer> {
  const page = await ports.store.list(filter);
  return {
    workflows: page.workflows.map(({ workflowId, chain, status, createdAt }) => ({
      workflowId,
      chain,
      status,
      createdAt: new Date(createdAt).toISOString(),
    })),
    nextCursor: page.next ?? null,
  };
}

/**
 * Stops a workflow before its next step; a call already under way may finish, and is shown. Closes one that has failed. Either way its
 * sensitive input is erased, and nothing resumes it any more.
 */
export async function cancel(
  engine: ApiEngine,
  key: WorkflowKey,
  { reason }: CancelBody = {},
): Promise<WorkflowAnswer> {
  const nonce = engine.ports.random.token();
  const state = await change(engine, key, nonce, [['processing', 'failed'], 'cancelled'], ({ meta }, now) => {
    // Who closes a failed workflow knows of its failure.
    const { notify: _, ...rest } = undue(meta);
    return {
      ...erase(rest, sensitiveOf(engine.chains.find(meta.chain, meta.version), meta)),
      status: 'cancelled',
      operations: withOperation(meta, 'cancel', now, reason),
      nonce,
      updatedAt: now,
    };
  });
  engine.ports.telemetry.emit({ ...idsOf(state.meta), event: 'workflow_cancelled' });
  return answer(engine, state);
}

/**
 * Continues a failed workflow from its failed step, in one write. `newKey` makes the failed step use a new idempotency key: only where
 * its target cannot have acted on the old one.
 */
export async function resume(
  engine: ApiEngine,
  key: WorkflowKey,
  { newKey = false, reason }: ResumeBody = {},
): Promise<WorkflowAnswer> {
  const nonce = engine.ports.random.token();
  let asked: number | undefined;
  const state = await change(engine, key, nonce, [['failed'], 'resumed'], (loaded, now) => {
    asked ??= loaded.meta.epoch;
    // By this very request, perhaps, whose reply was lost: one request resumes once.
    if (loaded.meta.epoch !== asked) throw new ProblemError('WRONG_STATUS', RESUMED_MEANWHILE);
    const chain = resumable(engine, loaded, now);
    const { error, notify: _, ...meta } = undue(loaded.meta);
    const epoch = meta.epoch + 1;
    return {
      ...meta,
      status: 'processing',
      epoch,
      operations: withOperation(meta, 'resume', now, reason),
      nonce,
      updatedAt: now,
      dueAt: now + healthyDuration(chain) * 1_000,
      ...(newKey && error ? { newKey: { step: error.step, epoch } } : {}),
    };
  });
  const { meta } = state;
  engine.ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_resumed', epoch: meta.epoch, newKey });
  const chain = engine.chains.find(meta.chain, meta.version);
  const waiting = decideRepairs(chain, state, engine.ports.clock.now(), true);
  await sendOrLeave(
    engine,
    meta,
    waiting.map(({ outgoing }) => outgoing),
  );
  return answer(engine, state);
}

/** What operators did to a workflow, and this as the last. */
function withOperation(
  { operations = [] }: WorkflowMeta,
  operation: OperationName,
  at: number,
  reason: string | undefined,
): NonNullable<WorkflowMeta['operations']> {
  const done = { operation, at, ...(reason === undefined ? {} : { reason }) };
  return [...operations, done].slice(-LIMITS.operationsKept);
}

const RESUMED_MEANWHILE = 'the workflow was resumed meanwhile and has failed again; look at it, then resume';

function resumable(engine: ApiEngine, { meta }: WorkflowState, now: number): ChainDefinition {
  const chain = engine.chains.find(meta.chain, meta.version);
  if (chain === undefined) {
    throw new ProblemError(
      'WRONG_STATUS',
      `this deployment does not know ${meta.chain} version ${meta.version}; deploy it, then resume`,
    );
  }
  if (isExpiring(meta, now)) {
    throw new ProblemError(
      'EXPIRING',
      `the workflow expires at ${new Date(meta.expiresAt).toISOString()}; start a new one`,
    );
  }
  const gone = meta.erased ? chain.sensitive : [];
  if (gone.length > 0) {
    throw new ProblemError(
      'ERASED',
      `the sensitive input (${gone.join(', ')}) was erased, ${chain.keepFailed} days after the failure; cancel this workflow and start a new one`,
    );
  }
  return chain;
}

/**
 * Changes META from some statuses only, deciding again whenever it changed meanwhile. The loser of two changes gets a 409.
 * @param nonce of this request: META keeps it until another request changes the workflow, whatever else becomes of it
 */
async function change(
  engine: ApiEngine,
  key: WorkflowKey,
  nonce: string,
  [from, become]: readonly [readonly WorkflowStatus[], string],
  decide: (state: WorkflowState, now: number) => WorkflowMeta,
): Promise<WorkflowState> {
  const { ports } = engine;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    const state = await existing(engine, key);
    const { status, epoch } = state.meta;
    // The reply to my own write was lost, and the workflow has gone on since: it must not be changed twice.
    if (state.meta.nonce === nonce) return state;
    if (!from.includes(status)) {
      throw new ProblemError(
        'WRONG_STATUS',
        `the workflow is ${status}; only a ${from.join(' or ')} workflow can be ${become}`,
      );
    }
    const meta = decide(state, ports.clock.now());
    if (await saveMeta(ports, meta, { status, epoch })) return { ...state, meta };
  }
  throw new Error(`META of ${key.workflowId} changed at every try`);
}
