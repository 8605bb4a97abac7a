import type { ListAnswer, WorkflowAnswer } from '../../contract/wire.ts';
import { excerpt } from '../mask.ts';
import type { ListFilter } from '../ports.ts';
import { ProblemError } from '../problems.ts';
import { definitionOf, idsOf, loadState, whyUndeployed } from '../shell.ts';
import { iso, type WorkflowKey, type WorkflowMeta, type WorkflowState } from '../state.ts';
import { describe } from '../view.ts';
import type { ApiEngine } from './api-engine.ts';

/** One workflow as its users see it. */
export async function get(engine: ApiEngine, key: WorkflowKey, timeline: boolean): Promise<WorkflowAnswer> {
  return answer(engine, await existing(engine, key), timeline);
}

/** A workflow as its users see it; an output that fails is logged. */
export function answer({ chains, ports }: ApiEngine, state: WorkflowState, timeline = false): WorkflowAnswer {
  const { meta } = state;
  const chain = definitionOf(chains, meta);
  const view = describe(chain, state, ports.clock.now(), timeline);
  if (view.outputProblem !== undefined) {
    const message = excerpt(view.outputProblem, []);
    ports.telemetry.emit({ ...idsOf(meta), event: 'output_failed', version: meta.version, message });
  }
  const waits = chain === undefined && !isOver(meta);
  return waits ? { ...view.answer, undeployed: whyUndeployed(chains, meta) } : view.answer;
}

/** Nothing of it will run any more, whatever an operator wants. */
const isOver = ({ status }: WorkflowMeta): boolean =>
  status === 'completed' || status === 'cancelled' || status === 'compensated';

/** A workflow that must be there. Errors: `ProblemError` `UNKNOWN_WORKFLOW`. */
export async function existing(engine: ApiEngine, key: WorkflowKey): Promise<WorkflowState> {
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
  definitionOf(chains, meta)?.steps.every(({ name }) => steps.has(name)) === false;

/** A page of workflows, newest first. */
export async function list({ ports }: ApiEngine, filter: ListFilter): Promise<ListAnswer> {
  const page = await ports.store.list(filter);
  return {
    workflows: page.workflows.map(({ workflowId, chain, status, createdAt }) => ({
      workflowId,
      chain,
      status,
      createdAt: iso(createdAt),
    })),
    nextCursor: page.next ?? null,
  };
}
