import { isDeepStrictEqual } from 'node:util';
import { RESERVED_OUTPUT_NAMES } from '../../../lib/contract/names.ts';
import type { StepError, WorkflowAnswer } from '../../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { isOver } from './constants.ts';
import { type Change, deedOf, type Shadow } from './shadow.ts';

/** From when a request was sent until it was answered: as numbers of what happened, and in milliseconds since 1970. */
export interface Span {
  readonly after: number;
  readonly from: number;
  readonly until: number;
  /** The API does not know the definition: it shows the steps that have an item, and no output, and says so. */
  readonly outdated: boolean;
}

/** A workflow as it was between two writes. */
export interface Moment {
  readonly meta: WorkflowMeta;
  readonly steps: ReadonlyMap<string, StepRecord>;
  readonly undos: ReadonlyMap<string, StepRecord>;
  readonly lookups: ReadonlyMap<string, StepRecord>;
}

/** Every state that a workflow was in during a request, the one at its beginning first. */
export function momentsOf(shadow: Shadow, after: number): readonly Moment[] {
  const { changes } = shadow;
  const moments: Moment[] = [];
  const { meta, steps, undos, lookups } = shadow;
  let moment: Moment | undefined = { meta, steps, undos, lookups };
  for (let last = changes.length - 1; moment !== undefined; last -= 1) {
    moments.push(moment);
    const change = changes[last];
    if (change === undefined || change.number <= after) break;
    moment = momentBefore(change, moment);
  }
  return moments.reverse();
}

/** What a workflow was before something happened to it; undefined where it was not there. */
function momentBefore(change: Change, moment: Moment): Moment | undefined {
  if ('meta' in change) return change.before && { ...moment, meta: change.before };
  const { step, action, before } = change;
  const items = action === undefined ? 'steps' : action === 'undo' ? 'undos' : 'lookups';
  const records = new Map(moment[items]);
  if (before === undefined) records.delete(step);
  else records.set(step, before);
  return { ...moment, [items]: records };
}

/**
 * What is wrong with a workflow as it is shown: it must be what it was at some moment of the request. A query is no snapshot:
 * the steps may be of another moment than META.
 * @param moments those that META may be of
 */
export function shownProblem(
  shadow: Shadow,
  answer: WorkflowAnswer,
  moments: readonly Moment[],
  span: Span,
): string | undefined {
  const reads = momentsOf(shadow, span.after);
  const fits = moments.some(
    ({ meta }) =>
      fitsMeta(meta, answer) && reads.some((read) => fitsSteps(shadow, { ...read, meta }, answer, span)),
  );
  if (fits) return undefined;
  const was = moments.map(({ meta, steps }) =>
    [meta.status, ...[...steps.values()].map(({ step, status }) => `${step} ${status}`)].join(', '),
  );
  return `${JSON.stringify(answer)} is shown; it was: ${was.join('; or ')}`;
}

const fitsMeta = (meta: WorkflowMeta, answer: WorkflowAnswer): boolean =>
  answer.workflowId === meta.workflowId &&
  answer.chain === meta.chain &&
  answer.status === meta.status &&
  answer.createdAt === iso(meta.createdAt) &&
  isShownUndoError(meta, answer.undoError, meta.undoError, answer) &&
  (meta.status === 'processing' || meta.status === 'failed'
    ? isShownError(answer.error, meta.error, answer)
    : isSaid(answer.error, meta.error, answer));

/** An error is shown as it is saved, and says what to do. */
const isShownError = (
  shown: StepError | undefined,
  saved: StepError | undefined,
  by: WorkflowAnswer,
): boolean =>
  isSaid(shown, saved, by) && (shown === undefined || (shown.next ?? '').includes(saved?.next ?? '.'));

/** Nothing is to be done about the error of an undo once the workflow was closed. */
const isShownUndoError = (
  { status }: WorkflowMeta,
  ...[shown, saved, by]: Parameters<typeof isShownError>
): boolean => (status === 'cancelled' ? isSaid(shown, saved, by) : isShownError(shown, saved, by));

/** What the target answered stands in the timeline alone. */
const isSaid = (shown: StepError | undefined, saved: StepError | undefined, by: WorkflowAnswer): boolean =>
  isDeepStrictEqual(wordsOf(shown, true), wordsOf(saved, by.timeline !== undefined));

function wordsOf(error: StepError | undefined, withDetail: boolean): Partial<StepError> | undefined {
  if (error === undefined) return undefined;
  const { next: _, detail, ...rest } = error;
  return withDetail && detail !== undefined ? { ...rest, detail } : rest;
}

const iso = (ms: number): string => new Date(ms).toISOString();

function fitsSteps({ chain }: Shadow, moment: Moment, answer: WorkflowAnswer, span: Span): boolean {
  const { meta, steps } = moment;
  const all = chain.steps.map(({ name }) => name);
  const names = span.outdated ? all.filter((name) => steps.has(name)) : all;
  const waiting = names.filter((name) => steps.get(name)?.status === 'retrying');
  const told = Object.entries(answer.retrying ?? {});
  const waits = !isOver(meta);
  return (
    (answer.undeployed !== undefined) === (span.outdated && waits) &&
    isDeepStrictEqual(
      span.outdated ? inOrder(Object.keys(answer.steps), all) : Object.keys(answer.steps),
      names,
    ) &&
    names.every((name) => statusesOf(moment, name, span).has(answer.steps[name] ?? 'none')) &&
    isDeepStrictEqual(
      inOrder(
        told.map(([name]) => name),
        all,
      ),
      meta.status === 'processing' ? waiting : [],
    ) &&
    told.every(([name, { nextAttemptAt, attempt, error }]) => {
      const record = steps.get(name);
      const due = iso(record?.nextAttemptAt ?? 0) === nextAttemptAt && record?.attempt === attempt;
      return due && isShownError(error, record.error, answer);
    }) &&
    isDeepStrictEqual(outputOf(answer), span.outdated ? {} : expectedOutput(chain, moment)) &&
    fitsUndo(chain, moment, answer, span) &&
    (answer.timeline === undefined || fitsTimeline(moment, answer.timeline, span))
  );
}

/** Without the definition nobody knows the order. */
const inOrder = (names: readonly string[], all: readonly string[]): readonly string[] =>
  [...names].sort((a, b) => all.indexOf(a) - all.indexOf(b));

/** What may be shown for a step. A lease that ends about then may be seen over, or not. */
function statusesOf({ meta, steps }: Moment, name: string, { from, until }: Span): ReadonlySet<string> {
  const record = steps.get(name);
  const stored = record?.status ?? 'pending';
  if (stored === 'completed') return new Set([stored]);
  const rest = restOf(meta, record, name);
  if (stored !== 'running') return new Set([rest]);
  const lease = record?.leaseUntil ?? 0;
  return new Set([...(lease > from ? [stored] : []), ...(lease <= until ? [rest] : [])]);
}

/** A step that no worker is at. */
function restOf(meta: WorkflowMeta, record: StepRecord | undefined, name: string): string {
  const stored = record?.status ?? 'pending';
  if (meta.status === 'processing') {
    const isHistory = stored === 'failed' && (record?.epoch ?? 0) < meta.epoch;
    return isHistory ? 'pending' : stored;
  }
  if (stored === 'failed' || meta.error?.step === name) return 'failed';
  return meta.status === 'failed' ? 'pending' : 'cancelled';
}

/** What is taken back, or was: the undo of each step that did something, or may have. */
function fitsUndo(
  chain: Shadow['chain'],
  { meta, steps, undos }: Moment,
  answer: WorkflowAnswer,
  { outdated }: Span,
): boolean {
  const isInDoubt = (name: string): boolean => {
    const { status, open = 0 } = steps.get(name) ?? {};
    return status !== 'completed' && open > 0;
  };
  const isTakenBack =
    ['compensating', 'compensated', 'compensation_failed'].includes(meta.status) ||
    meta.undoError !== undefined ||
    undos.size > 0;
  if (!isTakenBack) return answer.undo === undefined && answer.inDoubt === undefined;
  const names = chain.steps
    .filter(
      ({ name, undo }) =>
        undos.has(name) ||
        (!outdated && undo !== undefined && (steps.get(name)?.status === 'completed' || isInDoubt(name))),
    )
    .map(({ name }) => name);
  const shown = answer.undo ?? {};
  const doubts = [...steps.keys()].filter(isInDoubt).length;
  return (
    answer.undo !== undefined &&
    isDeepStrictEqual(Object.keys(shown).sort(), [...names].sort()) &&
    (answer.inDoubt ?? 0) === doubts &&
    names.every((name) => {
      const record = undos.get(name);
      const one = shown[name];
      return (
        one?.status === (record?.status ?? 'pending') &&
        one.attempts === (record?.attempt ?? 0) &&
        one.inDoubt === (isInDoubt(name) ? true : undefined) &&
        one.found === record?.found &&
        isShownUndoError(meta, one.error, record?.error, answer)
      );
    })
  );
}

const RESERVED: ReadonlySet<string> = new Set(RESERVED_OUTPUT_NAMES);
const outputOf = (answer: WorkflowAnswer): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(answer).filter(([name]) => !RESERVED.has(name)));

/** What the chain makes of the results that are there; what is not known yet is null. */
function expectedOutput({ output, sensitive }: Shadow['chain'], { meta, steps }: Moment): unknown {
  if (output === undefined) return {};
  const input = Object.entries(meta.input).filter(([name]) => !sensitive.includes(name));
  const results = [...steps.values()]
    .filter(({ status }) => status === 'completed')
    .map(({ step, result }) => [step, result] as const);
  const shown = output({ input: Object.fromEntries(input), results: Object.fromEntries(results) });
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, value ?? null]));
}

/** Every attempt that is kept, with what came of it. One whose lease ends about then may be seen interrupted, or not. */
function fitsTimeline(
  { steps, undos, lookups }: Moment,
  timeline: NonNullable<WorkflowAnswer['timeline']>,
  { from, until }: Span,
): boolean {
  type Attempt = (typeof timeline)[number] | StepRecord['attempts'][number];
  const inWords = (deed: string, { epoch, attempt, round, outcome }: Attempt): string =>
    `${deed} ${epoch} ${attempt} ${round} ${outcome}`;
  const shown = timeline.map((of) => inWords(deedOf(of), of)).sort();
  const kept = [...steps.values(), ...undos.values(), ...lookups.values()].flatMap((record) =>
    record.attempts.map((of) => {
      const { status, leaseUntil = 0 } = record;
      const step = deedOf(record);
      const runs = status === 'running' && of.outcome === 'running';
      const interrupted = inWords(step, { ...of, outcome: 'interrupted' });
      // A clock that is wrong may see one lease over and another not.
      if (runs && leaseUntil <= from) return [interrupted];
      return runs && leaseUntil <= until ? [interrupted, inWords(step, of)] : [inWords(step, of)];
    }),
  );
  return shown.length === kept.length && kept.every((words) => words.some((one) => shown.includes(one)));
}
