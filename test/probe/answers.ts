import type { TimelineEntry, WorkflowAnswer } from '../../lib/contract/wire.ts';

const BEGIN = Date.UTC(2026, 10, 25);

/** A moment so many milliseconds after the beginning of all these stories, as the API writes it. */
export const at = (ms: number): string => new Date(BEGIN + ms).toISOString();
export const moment = (ms: number): number => BEGIN + ms;

/** An attempt that completed at once. */
export const attempt = (step: string, ms: number, changes: Partial<TimelineEntry> = {}): TimelineEntry => ({
  step,
  epoch: 0,
  attempt: 1,
  round: 0,
  outcome: 'completed',
  startedAt: at(ms),
  endedAt: at(ms),
  ...changes,
});

/** A workflow of the probe as the API shows it. */
export const workflow = (n: number, changes: Partial<WorkflowAnswer> = {}): WorkflowAnswer => ({
  workflowId: `wf_${String(n).padStart(32, '0')}`,
  chain: 'any',
  status: 'completed',
  steps: {},
  createdAt: at(0),
  updatedAt: at(1_000),
  ...changes,
});
