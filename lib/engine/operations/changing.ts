import type { ChainDefinition } from '../../chain/definition.ts';
import { LIMITS } from '../../contract/limits.ts';
import { isTerminal, type OperationName, type WorkflowStatus } from '../../contract/names.ts';
import { isExpiring } from '../decision.ts';
import { ProblemError } from '../problems.ts';
import { definitionOf, saveMeta, whyUndeployed } from '../shell.ts';
import { iso, type WorkflowKey, type WorkflowMeta, type WorkflowState } from '../state.ts';
import type { ApiEngine } from './api-engine.ts';
import { existing } from './read.ts';
import { nameOf, type Statements } from './statements.ts';

/**
 * Changes META from some statuses only, deciding again whenever it changed meanwhile. The loser of two changes gets a 409.
 * @param decide undefined where a step has changed meanwhile, too
 * @param nonce of this request: META keeps it until another request changes the workflow, whatever else becomes of it
 */
export async function change(
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
        `the workflow is ${status}; only a ${inWords(from)} workflow can be ${become}`,
      );
    }
    const changed = await decide(state, ports.clock.now());
    // What is due may be erased meanwhile, under the same status and epoch.
    const { dueAt } = isTerminal(status) ? state.meta : {};
    const expected = { status, epoch, ...(dueAt === undefined ? {} : { dueAt }) };
    if (changed !== undefined && (await saveMeta(ports, changed.meta, expected))) return changed;
  }
  throw new Error(`META of ${key.workflowId} changed at every try`);
}

/** @example inWords(['processing', 'failed', 'cancelled']) // 'processing, failed or cancelled' */
const inWords = (statuses: readonly WorkflowStatus[]): string =>
  [statuses.slice(0, -1).join(', '), ...statuses.slice(-1)].filter((text) => text !== '').join(' or ');

/** What operators did to a workflow, and this as the last. */
export function withOperation(
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

/** The definition that a workflow began with. Errors: `ProblemError`, which says what to deploy. */
export function deployed(engine: ApiEngine, meta: WorkflowMeta): ChainDefinition {
  const chain = definitionOf(engine.chains, meta);
  if (chain !== undefined) return chain;
  const { message, next } = whyUndeployed(engine.chains, meta);
  throw new ProblemError('WRONG_STATUS', `${message}. ${next}`);
}

/** Why nothing of a workflow is called any more; undefined where there is time. */
export const refuseExpiring = (meta: WorkflowMeta, now: number): ProblemError | undefined =>
  isExpiring(meta, now)
    ? new ProblemError('EXPIRING', `the workflow expires at ${iso(meta.expiresAt)}; start a new one`)
    : undefined;
