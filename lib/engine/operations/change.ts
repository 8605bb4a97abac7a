import type { ChainDefinition } from '../../chain/definition.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { OperationName, WorkflowStatus } from '../../contract/names.ts';
import type { CancelBody, ResumeBody, WorkflowAnswer } from '../../contract/wire.ts';
import { isExpiring } from '../decision.ts';
import { nextLook } from '../lateness/lateness.ts';
import { ProblemError } from '../problems.ts';
import { decideRepairs } from '../reconciler.ts';
import { definitionOf, erase, idsOf, saveMeta, sensitiveOf, undue, whyUndeployed } from '../shell.ts';
import { iso, type WorkflowKey, type WorkflowMeta, type WorkflowState } from '../state.ts';
import { type ApiEngine, sendOrLeave } from './api-engine.ts';
import { answer, existing } from './read.ts';
import { nameOf, type Statements, saveDone, statementsOf } from './statements.ts';

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
  const state = await change(
    engine,
    key,
    nonce,
    [['processing', 'failed'], 'cancelled'],
    ({ meta, steps }, now) => {
      // Who closes a failed workflow knows of its failure.
      const { notify: _, ...rest } = undue(meta);
      const cancelled: WorkflowMeta = {
        ...erase(rest, sensitiveOf(definitionOf(engine.chains, meta), meta)),
        status: 'cancelled',
        operations: withOperation(meta, 'cancel', now, reason),
        nonce,
        updatedAt: now,
      };
      return { meta: cancelled, steps };
    },
  );
  engine.ports.telemetry.emit({ ...idsOf(state.meta), event: 'workflow_cancelled' });
  return answer(engine, state);
}

/**
 * Continues a failed workflow from its failed step, in one write of META. What the operator says of steps is saved before: a result that
 * is given, or ordered with it: a new key.
 */
export async function resume(
  engine: ApiEngine,
  key: WorkflowKey,
  body: ResumeBody = {},
): Promise<WorkflowAnswer> {
  const nonce = engine.ports.random.token();
  let asked: number | undefined;
  const state = await change(engine, key, nonce, [['failed'], 'resumed'], async (loaded, now) => {
    asked ??= loaded.meta.epoch;
    // By this very request, perhaps, whose reply was lost: one request resumes once.
    if (loaded.meta.epoch !== asked) throw new ProblemError('WRONG_STATUS', RESUMED_MEANWHILE);
    const chain = resumable(engine, loaded, now);
    const said = statementsOf(chain, loaded, body, now);
    const saved = await saveDone(engine.ports, chain, loaded, said);
    if (saved === undefined) return undefined;
    const { error: _, notify: __, ...meta } = undue(loaded.meta);
    const epoch = meta.epoch + 1;
    const resumed: WorkflowMeta = {
      ...meta,
      status: 'processing',
      epoch,
      operations: withOperation(meta, 'resume', now, body.reason, said),
      nonce,
      updatedAt: now,
      ...newKeysOf(meta, said, epoch),
    };
    const dueAt = nextLook(chain, { ...saved, meta: resumed }, now);
    return { ...saved, meta: { ...resumed, dueAt } };
  });
  const { meta } = state;
  const newKey = meta.newKey?.epoch === meta.epoch;
  engine.ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_resumed', epoch: meta.epoch, newKey });
  const chain = definitionOf(engine.chains, meta);
  const waiting = decideRepairs(chain, state, engine.ports.clock.now(), true);
  await sendOrLeave(
    engine,
    meta,
    waiting.map(({ outgoing }) => outgoing),
  );
  return answer(engine, state);
}

/** The order that steps use new keys from this epoch on: those whose call was not done, or shall be made anew. */
function newKeysOf(
  { newKeys }: WorkflowMeta,
  said: Statements,
  epoch: number,
): Pick<WorkflowMeta, 'newKey' | 'newKeys'> {
  const steps = [...said].filter(([, one]) => nameOf(one) !== 'done').map(([name]) => name);
  const [first] = steps;
  if (first === undefined) return {};
  const newKey = { step: first, epoch };
  if (steps.length === 1) return { newKey };
  return { newKey, newKeys: { ...newKeys, ...Object.fromEntries(steps.map((name) => [name, epoch])) } };
}

/** What operators did to a workflow, and this as the last. */
function withOperation(
  { operations = [] }: WorkflowMeta,
  operation: OperationName,
  at: number,
  reason: string | undefined,
  said: Statements = new Map(),
): NonNullable<WorkflowMeta['operations']> {
  const steps = Object.fromEntries([...said].map(([name, one]) => [name, nameOf(one)]));
  const done = {
    operation,
    at,
    ...(reason === undefined ? {} : { reason }),
    ...(said.size === 0 ? {} : { steps }),
  };
  return [...operations, done].slice(-LIMITS.operationsKept);
}

const RESUMED_MEANWHILE = 'the workflow was resumed meanwhile and has failed again; look at it, then resume';

function resumable(engine: ApiEngine, { meta }: WorkflowState, now: number): ChainDefinition {
  const chain = definitionOf(engine.chains, meta);
  if (chain === undefined) {
    const { message, next } = whyUndeployed(engine.chains, meta);
    throw new ProblemError('WRONG_STATUS', `${message}. ${next}`);
  }
  if (isExpiring(meta, now)) {
    throw new ProblemError('EXPIRING', `the workflow expires at ${iso(meta.expiresAt)}; start a new one`);
  }
  if (meta.erased) {
    throw new ProblemError(
      'ERASED',
      `the ${erasedOf(chain)} erased, ${chain.keepFailed} days after the failure; cancel this workflow and start a new one`,
    );
  }
  return chain;
}

/** What was erased. All of the input, where its chain was not known at that time. */
function erasedOf({ sensitive, steps }: ChainDefinition): string {
  const results = steps.flatMap((step) => step.sensitive.map((field) => `${step.name}.${field}`));
  const parts = [
    ...(sensitive.length === 0 ? [] : [`sensitive input (${sensitive.join(', ')})`]),
    ...(results.length === 0 ? [] : [`sensitive results (${results.join(', ')})`]),
  ];
  return parts.length === 0 ? 'input was' : `${parts.join(' and ')} ${results.length === 0 ? 'was' : 'were'}`;
}

/**
 * Changes META from some statuses only, deciding again whenever it changed meanwhile. The loser of two changes gets a 409.
 * @param decide undefined where a step has changed meanwhile, too
 * @param nonce of this request: META keeps it until another request changes the workflow, whatever else becomes of it
 */
async function change(
  engine: ApiEngine,
  key: WorkflowKey,
  nonce: string,
  [from, become]: readonly [readonly WorkflowStatus[], string],
  decide: (
    state: WorkflowState,
    now: number,
  ) => WorkflowState | undefined | Promise<WorkflowState | undefined>,
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
    const changed = await decide(state, ports.clock.now());
    if (changed !== undefined && (await saveMeta(ports, changed.meta, { status, epoch }))) return changed;
  }
  throw new Error(`META of ${key.workflowId} changed at every try`);
}
