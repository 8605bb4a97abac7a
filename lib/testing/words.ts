import type { WorkflowAnswer } from '../contract/wire.ts';

/** How a workflow stands, and why: all that a failing test should say. @param shown the answer of its timeline */
export function inWords({ status, steps, error: first, undoError, timeline = [] }: WorkflowAnswer): string {
  const error = undoError ?? first;
  const states = Object.entries(steps).map(([name, state]) => `${name} ${state}`);
  // The timeline has what was answered; the error of a workflow has it there, too.
  const failed = timeline.findLast((entry) => entry.error !== undefined);
  const last = status === 'completed' ? undefined : (error ?? failed?.error);
  const step = error?.step ?? failed?.step;
  const why =
    last === undefined ? '' : ` The last error is ${last.code} of ${step}: ${last.detail ?? last.message}.`;
  return `the workflow is ${status} (${states.join(', ')}).${why}`;
}

/** Time as people say it. @param ms milliseconds */
export const duration = (ms: number): string => `${Number((ms / 1_000).toFixed(3))} s`;
