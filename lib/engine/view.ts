import type { ChainDefinition } from '../chain/definition.ts';
import { RESERVED_OUTPUT_NAMES, type StepStatus } from '../contract/names.ts';
import type { TimelineEntry, WorkflowAnswer } from '../contract/wire.ts';
import { isDone } from './decision.ts';
import { withoutSensitive } from './fingerprint.ts';
import type { AttemptRecord, StepRecord, WorkflowState } from './state.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * A workflow as its users see it. Statuses are derived where they can be; output is null while unknown.
 * @param chain undefined where this deployment does not know the version: then only what is stored is shown
 */
export function describe(
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  now: number,
  timeline: boolean,
): WorkflowAnswer {
  const { meta, steps } = state;
  const names = chain?.steps.map(({ name }) => name) ?? [...steps.keys()];
  const retrying = meta.status === 'processing' ? retries(chain, state, names) : {};
  return {
    workflowId: meta.workflowId,
    chain: meta.chain,
    status: meta.status,
    steps: Object.fromEntries(names.map((name) => [name, stepStatus(state, name, now)])),
    ...output(chain, state),
    ...(meta.error === undefined ? {} : { error: meta.error }),
    ...(Object.keys(retrying).length === 0 ? {} : { retrying }),
    createdAt: iso(meta.createdAt),
    updatedAt: iso(Math.max(meta.updatedAt, ...[...steps.values()].map(({ updatedAt }) => updatedAt))),
    ...(timeline ? { timeline: timelineOf(state) } : {}),
  };
}

/** The status shown for a step: a workflow that ended leaves no step waiting. */
function stepStatus({ meta, steps }: WorkflowState, name: string, now: number): StepStatus {
  const record = steps.get(name);
  // Its steps expire before it does.
  const stored = record?.status ?? (meta.status === 'completed' ? 'completed' : 'pending');
  const underWay = stored === 'running' && (record?.leaseUntil ?? 0) > now;
  if (stored === 'completed' || underWay) return stored;
  if (meta.status === 'cancelled') return stored === 'failed' ? 'failed' : 'cancelled';
  if (meta.status === 'failed') {
    if (meta.error?.step === name) return 'failed';
    // Nothing is scheduled any more; a resume would run it.
    return stored === 'failed' ? 'failed' : 'pending';
  }
  // A failure of before a resume is history.
  if (stored === 'failed' && record !== undefined && record.epoch < meta.epoch) return 'pending';
  return stored;
}

function retries(
  chain: ChainDefinition | undefined,
  { steps }: WorkflowState,
  names: readonly string[],
): NonNullable<WorkflowAnswer['retrying']> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const record = steps.get(name);
      if (record?.status !== 'retrying' || record.nextAttemptAt === undefined) return [];
      const retries = chain?.steps.find((step) => step.name === name)?.retries ?? record.attempt;
      const { attempt, error, nextAttemptAt } = record;
      const shown = { attempt, attempts: retries + 1, nextAttemptAt: iso(nextAttemptAt) };
      return [[name, error === undefined ? shown : { ...shown, error }]];
    }),
  );
}

const isReserved = (name: string): boolean => RESERVED_OUTPUT_NAMES.some((reserved) => reserved === name);

/** The chain's output; a function that throws, or gives what every answer has, never breaks the answer. */
function output(chain: ChainDefinition | undefined, { meta, steps }: WorkflowState): Record<string, unknown> {
  if (chain?.output === undefined) return {};
  const done = [...steps.values()].filter(isDone);
  try {
    const shown = chain.output({
      input: withoutSensitive(meta.input, chain.sensitive),
      results: Object.fromEntries(done.map(({ step, result }) => [step, result])),
    });
    return Object.fromEntries(
      Object.entries(shown).flatMap(([name, value]) => (isReserved(name) ? [] : [[name, value ?? null]])),
    );
  } catch {
    return {};
  }
}

const entry = (step: string, attempt: AttemptRecord): TimelineEntry => ({
  step,
  epoch: attempt.epoch,
  attempt: attempt.attempt,
  round: attempt.round,
  outcome: attempt.outcome,
  startedAt: iso(attempt.startedAt),
  endedAt: attempt.endedAt === undefined ? null : iso(attempt.endedAt),
  ...(attempt.error === undefined ? {} : { error: attempt.error }),
});

const timelineOf = ({ steps }: WorkflowState): TimelineEntry[] =>
  [...steps.values()]
    .flatMap((record: StepRecord) => record.attempts.map((attempt) => ({ record, attempt })))
    .sort((a, b) => a.attempt.startedAt - b.attempt.startedAt)
    .map(({ record, attempt }) => entry(record.step, attempt));
