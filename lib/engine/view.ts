import type { ChainDefinition } from '../chain/definition.ts';
import { nextOf } from '../contract/advice.ts';
import { RESERVED_OUTPUT_NAMES, type StepStatus, type WorkflowStatus } from '../contract/names.ts';
import { forEverybody, forOperators } from '../contract/told.ts';
import type { OperationEntry, StepError, TimelineEntry, WorkflowAnswer } from '../contract/wire.ts';
import { interrupted } from './decision.ts';
import { messageOf } from './errors.ts';
import { withoutSensitive } from './fingerprint.ts';
import { shownResult } from './sensitive/results.ts';
import {
  type AttemptRecord,
  allRecords,
  iso,
  recordsOf,
  type StepRecord,
  type WorkflowMeta,
  type WorkflowState,
} from './state.ts';
import { isInDoubt } from './undo/doubt.ts';
import { standings } from './undo/standing.ts';

/** A workflow as its users see it, and what is wrong with the chain's output, if anything is. */
export interface View {
  readonly answer: WorkflowAnswer;
  readonly outputProblem: string | undefined;
}

/**
 * Shows a workflow. Statuses are derived where they can be; output is null while unknown.
 * @param chain undefined where this deployment does not know the version: then only what is stored is shown
 * @param timeline for operators: every attempt, and with each error what the target answered
 */
export function describe(
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  now: number,
  timeline: boolean,
): View {
  const { meta, steps } = state;
  const names = chain?.steps.map(({ name }) => name) ?? [...steps.keys()];
  const told: Telling = timeline ? forOperators : forEverybody;
  const retrying = meta.status === 'processing' ? retries(chain, state, names, told) : {};
  const { fields, problem: outputProblem } = output(chain, state);
  const answer: WorkflowAnswer = {
    workflowId: meta.workflowId,
    chain: meta.chain,
    status: meta.status,
    steps: Object.fromEntries(names.map((name) => [name, stepStatus(state, name, now)])),
    ...fields,
    ...(meta.error === undefined ? {} : { error: withNext(told(meta.error), outlookOf(meta)) }),
    ...undoOfAll(chain, state, told),
    ...lookupOfAll(state, told),
    ...(Object.keys(retrying).length === 0 ? {} : { retrying }),
    createdAt: iso(meta.createdAt),
    updatedAt: iso(Math.max(meta.updatedAt, ...allRecords(state).map(({ updatedAt }) => updatedAt))),
    ...(timeline ? { timeline: timelineOf(state, now), operations: operationsOf(state) } : {}),
  };
  return { answer, outputProblem };
}

/** When the answer may next become another one though nothing is written: a lease ends. In milliseconds since 1970; undefined for never. */
export function changesAt({ steps }: WorkflowState, now: number): number | undefined {
  const leases = [...steps.values()].flatMap(({ status, leaseUntil = 0 }) =>
    status === 'running' && leaseUntil > now ? [leaseUntil] : [],
  );
  return leases.length === 0 ? undefined : Math.min(...leases);
}

type Outlook = Parameters<typeof nextOf>[1];
type Telling = <Told extends StepError>(error: Told) => Omit<Told, 'detail'>;

const withNext = <Told extends Omit<StepError, 'detail'>>(
  error: Told,
  outlook: Outlook,
): Told & { next: string } => ({
  ...error,
  next: nextOf(error, outlook),
});

/** What becomes of a workflow's failure. */
const outlookOf = ({ status }: WorkflowMeta): Outlook => OUTLOOKS[status] ?? 'takenBack';

const OUTLOOKS: Partial<Readonly<Record<WorkflowStatus, Outlook>>> = {
  failed: 'failed',
  cancelled: 'closed',
  compensation_failed: 'undoFailed',
};

/** What was, or is to be, taken back of a workflow; nothing of one that goes forward. */
function undoOfAll(
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  told: Telling,
): Pick<WorkflowAnswer, 'undo' | 'undoError' | 'inDoubt'> {
  const { meta } = state;
  if (!isTakenBack(state)) return {};
  const undoOutlook = meta.status === 'cancelled' ? 'closed' : 'undo';
  const shown = standings(chain, state).map(({ step, undo, inDoubt }) => {
    const { status = 'pending', attempt = 0, found, error } = undo ?? {};
    return [
      step,
      {
        status,
        attempts: attempt,
        ...(inDoubt === undefined ? {} : { inDoubt }),
        ...(found === undefined ? {} : { found }),
        ...(error === undefined
          ? {}
          : { error: withNext(told(error), status === 'failed' ? undoOutlook : 'retrying') }),
      },
    ] as const;
  });
  const inDoubt = [...state.steps.keys()].filter((name) => isInDoubt(state, name)).length;
  return {
    undo: Object.fromEntries(shown),
    ...(meta.undoError === undefined ? {} : { undoError: withNext(told(meta.undoError), undoOutlook) }),
    ...(inDoubt === 0 ? {} : { inDoubt }),
  };
}

/** What the targets of steps were asked since the last resume, and what they answered. */
function lookupOfAll(state: WorkflowState, told: Telling): Pick<WorkflowAnswer, 'lookup'> {
  const asked = [...recordsOf(state, 'lookup').values()].filter(({ epoch }) => epoch === state.meta.epoch);
  if (asked.length === 0) return {};
  const shown = asked.map(({ step, status, attempt: attempts, answer, error }) => {
    const outlook = status === 'failed' ? 'lookup' : 'askedAgain';
    return [
      step,
      {
        status,
        attempts,
        ...(answer === undefined ? {} : { answer }),
        ...(error === undefined ? {} : { error: withNext(told(error), outlook) }),
      },
    ] as const;
  });
  return { lookup: Object.fromEntries(shown) };
}

const TAKEN_BACK: readonly WorkflowStatus[] = ['compensating', 'compensated', 'compensation_failed'];

/** Whether a workflow is, or was, to be taken back; it may have been closed since. */
const isTakenBack = ({ meta, undos }: WorkflowState): boolean =>
  TAKEN_BACK.includes(meta.status) || meta.undoError !== undefined || undos !== undefined;

/** The status shown for a step: a workflow that ended leaves no step waiting. */
function stepStatus({ meta, steps }: WorkflowState, name: string, now: number): StepStatus {
  const record = steps.get(name);
  // Its steps expire before it does.
  const stored = record?.status ?? (meta.status === 'completed' ? 'completed' : 'pending');
  const underWay = stored === 'running' && (record?.leaseUntil ?? 0) > now;
  if (stored === 'completed' || stored === 'skipped' || underWay) return stored;
  if (meta.status !== 'processing') {
    if (stored === 'failed' || meta.error?.step === name) return 'failed';
    // Nothing is scheduled any more; a resume of a failed workflow would run it.
    return meta.status === 'failed' ? 'pending' : 'cancelled';
  }
  // A failure of before a resume is history.
  if (stored === 'failed' && record !== undefined && record.epoch < meta.epoch) return 'pending';
  return stored;
}

function retries(
  chain: ChainDefinition | undefined,
  { steps }: WorkflowState,
  names: readonly string[],
  told: Telling,
): NonNullable<WorkflowAnswer['retrying']> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const record = steps.get(name);
      if (record?.status !== 'retrying' || record.nextAttemptAt === undefined) return [];
      const retries = chain?.steps.find((step) => step.name === name)?.retries ?? record.attempt;
      const { attempt, error, nextAttemptAt } = record;
      const shown = { attempt, attempts: retries + 1, nextAttemptAt: iso(nextAttemptAt) };
      return [[name, error === undefined ? shown : { ...shown, error: withNext(told(error), 'retrying') }]];
    }),
  );
}

const isReserved = (name: string): boolean => RESERVED_OUTPUT_NAMES.some((reserved) => reserved === name);

interface Output {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problem?: string;
}

/** The chain's output; a function that throws, or gives what every answer has, never breaks the answer. */
function output(chain: ChainDefinition | undefined, { meta, steps }: WorkflowState): Output {
  if (chain?.output === undefined) return { fields: {} };
  const done = chain.steps.flatMap((step) => {
    const record = steps.get(step.name);
    return record?.status === 'completed' ? [[step.name, shownResult(record, step)] as const] : [];
  });
  try {
    const shown = chain.output({
      input: withoutSensitive(meta.input, chain.sensitive),
      results: Object.fromEntries(done),
    });
    const all = Object.entries(shown).map(([name, value]) => [name, value ?? null] as const);
    const fields = Object.fromEntries(all.filter(([name]) => !isReserved(name)));
    const [reserved] = all.find(([name]) => isReserved(name)) ?? [];
    if (reserved === undefined) return { fields };
    return { fields, problem: `it has a field "${reserved}", which every answer has: give it another name` };
  } catch (error) {
    return { fields: {}, problem: `it threw: ${messageOf(error)}` };
  }
}

/** An attempt whose lease is over has no worker any more, though nobody has written that down yet. */
const attemptsOf = (record: StepRecord, now: number): readonly AttemptRecord[] =>
  record.status === 'running' && (record.leaseUntil ?? 0) <= now ? interrupted(record, now) : record.attempts;

const entry = ({ step, action }: StepRecord, attempt: AttemptRecord): TimelineEntry => ({
  step,
  ...(action === undefined ? {} : { action }),
  epoch: attempt.epoch,
  attempt: attempt.attempt,
  round: attempt.round,
  outcome: attempt.outcome,
  startedAt: iso(attempt.startedAt),
  endedAt: attempt.endedAt === undefined ? null : iso(attempt.endedAt),
  ...(attempt.error === undefined ? {} : { error: forOperators(attempt.error) }),
});

const operationsOf = ({ meta }: WorkflowState): OperationEntry[] =>
  (meta.operations ?? []).map(({ at, ...rest }) => ({ ...rest, at: iso(at) }));

const timelineOf = (state: WorkflowState, now: number): TimelineEntry[] =>
  allRecords(state)
    .flatMap((record) => attemptsOf(record, now).map((attempt) => ({ record, attempt })))
    .sort((a, b) => a.attempt.startedAt - b.attempt.startedAt)
    .map(({ record, attempt }) => entry(record, attempt));
