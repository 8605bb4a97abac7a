import type { Place } from '../definition-error.ts';

/** Where an option is written: in a step, or in the undo or the lookup of a step. */
export interface Site extends Place {
  readonly within?: 'undo' | 'lookup';
}

/** Where a call that acts is written. */
export interface CallSite extends Site {
  readonly within?: 'undo';
}

/** An option as an error names it. @example optionIn({ within: 'undo' }, 'retries') // 'undo.retries' */
export const optionIn = ({ within }: Site, option: string): string =>
  within === undefined ? option : `${within}.${option}`;

/** What has the options: the step that the error is about, or its undo or lookup. */
export const ownerIn = ({ within }: Site): string => within ?? 'it';
