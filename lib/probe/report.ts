/** What a check came to. What was not seen is never called passed. */
export type Verdict = 'passed' | 'failed' | 'could not be checked';

export interface Finding {
  readonly verdict: Verdict;
  /** What was measured, or what was seen instead. */
  readonly seen: string;
  /** What its reader does about it, unless it passed. */
  readonly todo?: string;
}

export const passed = (seen: string): Finding => ({ verdict: 'passed', seen });
export const failed = (seen: string, todo: string): Finding => ({ verdict: 'failed', seen, todo });
export const unknown = (seen: string, todo: string): Finding => ({
  verdict: 'could not be checked',
  seen,
  todo,
});

/** Something does not come about in the time that it must. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
}

/**
 * The finding of a check that ended with an error: what is overdue failed; whatever else went wrong says nothing of Stepline.
 * @example findingOf(new Overdue('…')).verdict // 'failed'
 */
export function findingOf(error: unknown): Finding {
  if (error instanceof Overdue) {
    return failed(error.message, 'Run it again with --keep, and read the workflow and the function’s log.');
  }
  if (error instanceof Error && error.name === 'AbortError') return unknown('interrupted', 'Run it again.');
  const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return unknown(why, 'Check that you have the permission that the message names, and run it again.');
}

/** The column of the verdicts is as wide as the longest. */
const VERDICT_WIDTH = 'could not be checked'.length;
const NAME_WIDTH = 'dead-letter'.length;

/** The one line of a check. */
export const lineOf = (name: string, { verdict, seen, todo }: Finding): string =>
  `${verdict.padEnd(VERDICT_WIDTH)}  ${name.padEnd(NAME_WIDTH)}  ${seen}${todo === undefined ? '' : `. To do: ${todo}`}`;

/** 0: all passed; 1: one failed; 3: none failed, and something is not known. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 3 {
  if (findings.some(({ verdict }) => verdict === 'failed')) return 1;
  return findings.length > 0 && findings.every(({ verdict }) => verdict === 'passed') ? 0 : 3;
}

/** @example counting(2, 'attempt') // '2 attempts' */
export const counting = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** @example seconds(1_240) // '1.2 s' */
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
