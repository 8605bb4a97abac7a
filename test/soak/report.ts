import { fixed, table } from '../bench/table.ts';
import { SOAK_TARGETS } from './chains.ts';
import type { Comparison, Finding } from './compare.ts';
import type { Progress, SoakResult } from './soak.ts';
import { ALL_KINDS, type Rates } from './weather.ts';

const MB = 1_048_576;
const mb = (bytes: number): string => fixed(bytes / MB, 1);

/** What each target does, as shares of its calls in per cent. */
export const ratesTable = (rates: ReadonlyMap<string, Rates>): string =>
  table(
    ['faults, % of calls', ...ALL_KINDS, 'outages a minute'],
    [...rates].map(([target, { shares, outagesPerMinute }]) => [
      target,
      ...ALL_KINDS.map((kind) => fixed((shares.get(kind) ?? 0) * 100)),
      fixed(outagesPerMinute, 1),
    ]),
  );

/** One line that says how far a run is. */
export function progressLine({ seconds, phase, book, deaths, use }: Progress): string {
  const { counts } = book;
  const parts = [
    `${fixed(seconds, 0)} s ${phase}`,
    `accepted ${book.size}`,
    `seen completed ${book.ended('completed')}`,
    `seen cancelled ${book.ended('cancelled')}`,
    `seen compensated ${book.ended('compensated')}`,
    `resumes ${counts.resumes}`,
    `undos ${counts.undos}`,
    `kills ${deaths.kills + deaths.impatient}`,
    `stops ${deaths.stops}`,
    `memory ${mb(use.resident)} MB`,
    `store ${mb(use.stored)} MB`,
    ...(book.problems.size === 0 ? [] : [`UNEXPECTED ${book.problems.size}`]),
  ];
  return parts.join('  ');
}

const SORTS = {
  duplicates: 'duplicates',
  lost: 'lost',
  outOfOrder: 'effects out of order',
  mismatches: 'result mismatches',
} as const satisfies Readonly<Record<keyof Comparison, string>>;

/** The whole run in figures. */
export function resultTable(result: SoakResult): string {
  const { book, deaths, use, accepted, ledger, comparison } = result;
  const { counts } = book;
  const shown = (status: string): number =>
    accepted.filter((workflow) => workflow.shown?.status === status).length;
  const perWorkflow = accepted.length === 0 ? 0 : result.storedAtEnd / accepted.length;
  return table(
    ['soak', ''],
    [
      ['seconds run', fixed(result.seconds, 0)],
      ['seconds until all had ended, after the faults', fixed(result.settledIn, 1)],
      ['kills (SIGKILL)', deaths.kills + deaths.impatient],
      ['  of a server that did not listen yet', deaths.whileRecovering],
      ['  after a SIGTERM that took too long', deaths.impatient],
      ['stops (SIGTERM, ended well)', deaths.stops],
      ['starts sent', counts.starts],
      ['  sent again, without an answer', counts.sentAgain],
      ['accepted (202)', accepted.length],
      ['completed', shown('completed')],
      ['failed', shown('failed')],
      ['cancelled', shown('cancelled')],
      ['compensated', shown('compensated')],
      ['resumes', counts.resumes],
      ['undos', counts.undos],
      ['reads, and pages of the listing', `${counts.reads}, ${counts.pages}`],
      ...SOAK_TARGETS.map((name) => [
        `effects at ${name}`,
        ledger.filter(({ target }) => target === name).length,
      ]),
      ...sorts().map((sort) => [SORTS[sort], comparison[sort].length]),
      ['unexpected answers and ends', result.problems.length],
      ['memory of the server, most, MB', mb(use.residentMost)],
      ['store at the end, MB', mb(result.storedAtEnd)],
      ['store, bytes a workflow', fixed(perWorkflow, 0)],
    ],
  );
}

const sorts = (): readonly (keyof Comparison)[] => ['duplicates', 'lost', 'outOfOrder', 'mismatches'];

/** The attempts of the workflow that was the last to end: what it waited for. */
export function lastTable({ last }: SoakResult): string {
  const rows = (last?.timeline ?? []).map(({ step, epoch, attempt, outcome, startedAt, endedAt, error }) => [
    `${step}, epoch ${epoch}, attempt ${attempt}`,
    ...[outcome, startedAt.slice(11), endedAt?.slice(11) ?? '', error?.code ?? ''],
  ]);
  return table([`the last to end: ${last?.workflowId ?? 'none'}`, 'outcome', 'from', 'to', 'error'], rows);
}

/** Why a run is no success, a line each; none if it is one. */
export function complaints({ comparison, problems, deaths, accepted }: SoakResult): readonly string[] {
  const line = (sort: keyof Comparison, { workflowId, what }: Finding): string =>
    `${SORTS[sort]}: ${workflowId}: ${what}`;
  const completed = accepted.some(({ shown }) => shown?.status === 'completed');
  return [
    ...sorts().flatMap((sort) => comparison[sort].map((finding) => line(sort, finding))),
    ...problems.map((problem) => `unexpected: ${problem}`),
    ...(deaths.kills + deaths.impatient === 0 ? ['too little happened: no kill'] : []),
    ...(completed ? [] : ['too little happened: no workflow completed']),
  ];
}
