import type { StepDefinition } from '../../../lib/chain/definition.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { HttpOutcome } from '../../../lib/engine/ports.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import type { Ended } from './ending.ts';
import { against, callOf, deedOf, harmful, type Problem, type Shadow } from './shadow.ts';

/** What is to be made of a call. `acted: 'no'`: nobody can have acted on its key. */
type Verdict =
  | { readonly is: 'done'; readonly found?: false }
  | {
      readonly is: 'final' | 'may pass';
      readonly code: string;
      readonly acted: 'no' | 'unknown';
      readonly httpStatus?: number;
    };

const LATER: readonly number[] = [408, 409];
/** They are answered before anything is done. */
const NOT_YET: readonly number[] = [425, 429];
const LATE: Verdict = { is: 'may pass', code: 'DEADLINE_EXCEEDED', acted: 'unknown' };
/** A secret is read before a call, in the same time. */
const NEVER_CALLED: readonly Verdict[] = [
  { is: 'may pass', code: 'SECRET_UNAVAILABLE', acted: 'no' },
  { is: 'may pass', code: 'DEADLINE_EXCEEDED', acted: 'no' },
];

/**
 * What is wrong with what is written of an attempt: the table of outcomes in docs/architecture.md, written out here once more.
 * @param skewMs by how much the clocks of a worker and of the world may differ
 */
export function outcomeProblems(
  shadow: Shadow,
  running: StepRecord,
  record: StepRecord,
  skewMs: number,
): Problem[] {
  const step = callOf(shadow, record);
  const ended = shadow.endings.get(running.token);
  const wanted = verdictsOf(step, ended, record.updatedAt - skewMs)
    .map((verdict) => (isNothingThere(shadow, record, verdict) ? NOTHING_THERE : verdict))
    .flatMap((verdict) => [written(step, running, verdict), ...expiring(step, running, verdict)]);
  const is = inWords(record);
  if (wanted.includes(is)) return [];
  const what = `${deedOf(record)} is ${is} after ${ended === undefined ? 'no reply' : JSON.stringify(ended)}, not ${wanted.join(' or ')}`;
  // Whoever reads it is misled, or the target is called too often or too seldom; else the protocol alone is broken.
  const misleads = !wanted.some((one) => one.startsWith(promisedPart(is)));
  return [misleads ? harmful(what) : against(what)];
}

const NOTHING_THERE: Verdict = { is: 'done', found: false };

/** Whether the target of an undo says that there is nothing, where nobody knew. */
function isNothingThere({ steps }: Shadow, { step, action }: StepRecord, verdict: Verdict): boolean {
  const record = steps.get(step);
  const inDoubt = record !== undefined && record.status !== 'completed' && record.open > 0;
  return (
    action === 'undo' &&
    inDoubt &&
    verdict.is !== 'done' &&
    verdict.code === 'REFUSED' &&
    (verdict.httpStatus === 404 || verdict.httpStatus === 410)
  );
}

/** @param heardAt a reply that came before it was heard of */
export function verdictsOf(
  step: StepDefinition,
  ended: Ended | undefined,
  heardAt: number,
): readonly Verdict[] {
  if (step.request !== undefined) return ended === undefined ? NEVER_CALLED : [verdictOf(step, ended)];
  // Code may end after its deadline, and goes on then for nobody.
  const late = ended === undefined || ended.at >= heardAt ? [LATE] : [];
  return ended === undefined ? late : [verdictOf(step, ended), ...late];
}

function verdictOf(step: StepDefinition, ended: Ended): Verdict {
  switch (ended.kind) {
    case 'threw':
      return { is: 'may pass', code: 'RUN_FAILED', acted: 'unknown' };
    case 'ran':
      return fits(step, ended.result)
        ? { is: 'done' }
        : { is: 'final', code: 'REPLY_INVALID', acted: 'unknown' };
    case 'reply':
      return ofStatus(step, ended);
    case 'failure': {
      const status = ended.status === undefined ? {} : { httpStatus: ended.status };
      if (ended.code === 'REPLY_TOO_LARGE')
        return { is: 'final', code: ended.code, acted: 'unknown', ...status };
      const acted = ended.code === 'CONNECTION_FAILED' ? 'no' : 'unknown';
      return { is: 'may pass', code: ended.code, acted, ...status };
    }
  }
}

function ofStatus(
  step: StepDefinition,
  { status, body, headers = {}, repeated }: Extract<HttpOutcome, { kind: 'reply' }>,
): Verdict {
  const httpStatus = status;
  const limited = 'retry-after' in headers || headers['x-ratelimit-remaining'] === '0';
  const acted = repeated ? 'unknown' : 'no';
  if (LATER.includes(status) || status >= 500)
    return { is: 'may pass', code: 'TARGET_UNAVAILABLE', acted: 'unknown', httpStatus };
  if (NOT_YET.includes(status) || (status === 403 && limited))
    return { is: 'may pass', code: 'TARGET_UNAVAILABLE', acted, httpStatus };
  // The first of two sendings may have been read, whoever refused the second.
  if (status >= 400) return { is: 'final', code: 'REFUSED', acted, httpStatus };
  if (status >= 300) return { is: 'final', code: 'REDIRECTED', acted: 'unknown', httpStatus };
  return step.response === undefined || fits(step, JSON.parse(body))
    ? { is: 'done' }
    : { is: 'final', code: 'REPLY_INVALID', acted: 'unknown', httpStatus };
}

const fits = ({ response }: StepDefinition, result: unknown): boolean =>
  response === undefined || response.safeParse(result).success;

/** The item that follows from a verdict, in words. */
function written({ retries, keyLifetime }: StepDefinition, running: StepRecord, verdict: Verdict): string {
  const { open, round } = running;
  if (verdict.is === 'done') return inWords({ status: 'completed', open, round, found: verdict.found });
  const { code, acted, httpStatus } = verdict;
  const left = open - (acted === 'no' ? 1 : 0);
  // A target that takes no key is not called again where it may have acted.
  const isOver = running.attempt > retries || (keyLifetime === 0 && left > 0);
  const fails = verdict.is === 'final' || isOver;
  return inWords({
    status: fails ? 'failed' : 'retrying',
    open: left,
    // The key changes only where nobody can have acted on it, and only between two epochs.
    round: fails && left === 0 ? round + 1 : round,
    error: {
      code,
      effect: left === 0 ? 'none' : 'unknown',
      ...(httpStatus === undefined ? {} : { httpStatus }),
    },
  });
}

/** What may follow instead where targets soon forget keys: the wait for the next attempt would be too long. */
function expiring(step: StepDefinition, running: StepRecord, verdict: Verdict): readonly string[] {
  const isForgetful = step.keyLifetime > 0 && step.keyLifetime < LIMITS.keyLifetime;
  if (!isForgetful || verdict.is !== 'may pass') return [];
  const { open, round, attempt } = running;
  const left = open - (verdict.acted === 'no' ? 1 : 0);
  if (attempt > step.retries || left === 0) return [];
  const { httpStatus } = verdict;
  const error = {
    code: 'KEY_EXPIRED',
    effect: 'unknown',
    ...(httpStatus === undefined ? {} : { httpStatus }),
  };
  return [inWords({ status: 'failed', open: left, round, error })];
}

interface Item extends Pick<StepRecord, 'status' | 'open' | 'round'> {
  readonly found?: false | undefined;
  readonly error?:
    | { readonly code: string; readonly effect: string; readonly httpStatus?: number | undefined }
    | undefined;
}

const inWords = ({ status, error, open, round, found }: Item): string =>
  [
    found === undefined ? status : `${status} with nothing found`,
    ...(error === undefined || status === 'completed'
      ? []
      : [`${error.code} ${error.httpStatus ?? ''}`.trimEnd(), `effect ${error.effect}`]),
    `open ${open}`,
    `round ${round}`,
  ].join(', ');

/** What users see and targets notice of an item: all but how many attempts are open. */
const promisedPart = (words: string): string => words.slice(0, words.indexOf(', open '));
