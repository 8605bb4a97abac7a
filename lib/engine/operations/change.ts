import type { ChainDefinition } from '../../chain/definition.ts';
import { healthyDuration } from '../../chain/graph.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { OperationName, WorkflowStatus } from '../../contract/names.ts';
import type { CancelBody, ResumeBody, WorkflowAnswer } from '../../contract/wire.ts';
import { isExpiring } from '../decision.ts';
import { ProblemError } from '../problems.ts';
import { decideRepairs } from '../reconciler.ts';
import { erase, idsOf, saveMeta, sensitiveOf, undue } from '../shell.ts';
import type { WorkflowKey, WorkflowMeta, WorkflowState } from '../state.ts';
import { type ApiEngine, sendOrLeave } from './api-engine.ts';
import { answer, existing } from './read.ts';

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
