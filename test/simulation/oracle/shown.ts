import { isDeepStrictEqual } from 'node:util';
import { RESERVED_OUTPUT_NAMES } from '../../../lib/contract/names.ts';
import type { StepError, WorkflowAnswer } from '../../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import type { Shadow } from './shadow.ts';

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
}

/** Every state that a workflow was in during a request, the one at its beginning first. */
export function momentsOf({ changes }: Shadow, after: number): readonly Moment[] {
  const moments: Moment[] = [];
  const steps = new Map<string, StepRecord>();
  let meta: WorkflowMeta | undefined;
  const keep = (): unknown => meta && moments.push({ meta, steps: new Map(steps) });
  let before = true;
  for (const change of changes) {
    if (before && change.number > after) {
      before = false;
      keep();
    }
    if ('meta' in change) meta = change.meta;
    else if (change.record === undefined) steps.delete(change.step);
    else steps.set(change.step, change.record);
    if (!before) keep();
  }
  if (before) keep();
  return moments;
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
      fitsMeta(meta, answer) && reads.some(({ steps }) => fitsSteps(shadow, { meta, steps }, answer, span)),
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
  (meta.status === 'cancelled'
    ? isSaid(answer.error, meta.error, answer)
    : isShownError(answer.error, meta.error, answer));

/** An error is shown as it is saved, and says what to do. */
const isShownError = (
  shown: StepError | undefined,
  saved: StepError | undefined,
  by: WorkflowAnswer,
): boolean =>
  isSaid(shown, saved, by) && (shown === undefined || (shown.next ?? '').includes(saved?.next ?? '.'));

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
  const waits = meta.status === 'processing' || meta.status === 'failed';
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
    (answer.timeline === undefined || fitsTimeline(steps, answer.timeline, span))
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
  return meta.status === 'cancelled' ? 'cancelled' : 'pending';
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
  steps: Moment['steps'],
  timeline: NonNullable<WorkflowAnswer['timeline']>,
  { from, until }: Span,
): boolean {
  type Attempt = (typeof timeline)[number] | StepRecord['attempts'][number];
  const inWords = (step: string, { epoch, attempt, round, outcome }: Attempt): string =>
    `${step} ${epoch} ${attempt} ${round} ${outcome}`;
  const shown = timeline.map((of) => inWords(of.step, of)).sort();
  const kept = [...steps.values()].flatMap(({ step, status, leaseUntil = 0, attempts }) =>
    attempts.map((of) => {
      const runs = status === 'running' && of.outcome === 'running';
      const interrupted = inWords(step, { ...of, outcome: 'interrupted' });
      // A clock that is wrong may see one lease over and another not.
      if (runs && leaseUntil <= from) return [interrupted];
      return runs && leaseUntil <= until ? [interrupted, inWords(step, of)] : [inWords(step, of)];
    }),
  );
  return shown.length === kept.length && kept.every((words) => words.some((one) => shown.includes(one)));
}
