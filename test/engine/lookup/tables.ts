import { expect } from 'vitest';
import * as z from 'zod';
import { DAY_MS, LIMITS } from '../../../lib/contract/limits.ts';
import type { MessageDecision } from '../../../lib/engine/decision.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../../lib/engine/state.ts';
import { buildChain, doneState, EPOCH, GRAPHS, NOW, RECORDS, RETRIES } from '../fixtures.ts';
import { lookupOf } from './fixtures.ts';

/** Retries of each lookup: two attempts in all. */
const LOOKUP_RETRIES = 1;

/** A line whose steps can be asked for; each has an undo, but those that `without` names. */
export const asking = (without = '', step: Readonly<Record<string, unknown>> = {}) =>
  buildChain(GRAPHS.line, (name) => ({
    request: () => ({ target: 'api', method: 'POST', path: `/${name}` }),
    response: z.object({ ok: z.string() }),
    retries: RETRIES,
    lookup: lookupOf(name, { retries: LOOKUP_RETRIES }),
    ...(without.split(' ').includes(name) ? {} : { undo: { run: () => null } }),
    ...step,
  }));

/** It failed in this epoch long ago, and nobody knows whether it acted. */
export const DOUBT: StepRecord = {
  ...RECORDS.failed,
  attempt: RETRIES + 1,
  round: 1,
  open: 1,
  token: 'failed',
  updatedAt: NOW - 600_000,
  attempts: [],
  error: { code: 'DEADLINE_EXCEEDED', message: 'no reply', effect: 'unknown' },
};

const { leaseUntil: _, ...BASE } = RECORDS['running, lease live'];
const lookup = (changes: Partial<StepRecord>): StepRecord => ({
  ...BASE,
  action: 'lookup',
  round: DOUBT.round,
  open: 0,
  attempts: [],
  ...changes,
});

/** Every state in which the lookup of a step in doubt can be found at `NOW`, made in this epoch and for this round. */
export const LOOKUPS = {
  'no item': undefined,
  'running, lease live': lookup({ status: 'running', attempt: 1, leaseUntil: NOW + 1 }),
  'running, lease live, last attempt': lookup({ status: 'running', attempt: 2, leaseUntil: NOW + 20_000 }),
  'running, lease ends now': lookup({ status: 'running', attempt: 1, leaseUntil: NOW }),
  'running, lease over, one attempt left': lookup({ status: 'running', attempt: 1, leaseUntil: NOW - 1 }),
  'running, lease over, attempts used up': lookup({ status: 'running', attempt: 2, leaseUntil: NOW - 1 }),
  'retrying, not due': lookup({ status: 'retrying', attempt: 1, nextAttemptAt: NOW + 1 }),
  'retrying, due now': lookup({ status: 'retrying', attempt: 1, nextAttemptAt: NOW }),
  'retrying, answered too early': lookup({ status: 'retrying', attempt: 0, nextAttemptAt: NOW - 1 }),
  'answered done': lookup({ status: 'completed', answer: 'done', result: { ok: 'found' } }),
  'answered notDone': lookup({ status: 'completed', answer: 'notDone' }),
  'answered unknown': lookup({ status: 'completed', answer: 'unknown' }),
  failed: lookup({ status: 'failed', attempt: 2 }),
} satisfies Readonly<Record<string, StepRecord | undefined>>;
export type LookupKind = keyof typeof LOOKUPS;

export const OLDER = { epoch: EPOCH - 1 } as const;
export const OTHER_ROUND = { round: DOUBT.round - 1 } as const;
export const BEFORE_UNDO = { before: 'undo' } as const;

/** A workflow whose steps `done`, given as "a b", are completed, `records` are as they say, and the lookup of `step` is that. */
export function askedState(
  meta: WorkflowMeta,
  done: string,
  records: Readonly<Record<string, StepRecord | undefined>>,
  of: readonly [string, StepRecord | undefined],
): WorkflowState {
  const state = doneState(meta, done, records);
  const [step, record] = of;
  return record === undefined ? state : { ...state, lookups: new Map([[step, { ...record, step }]]) };
}

/** What `decide` makes of each state of a lookup, made with these changes. */
export const forEachLookup = (
  decide: (lookup: StepRecord | undefined) => string,
  changes: Partial<StepRecord> = {},
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(LOOKUPS).map(([kind, one]) => [kind, decide(one && { ...one, ...changes })]),
  );

/** The same answer for every state of a lookup, but for those that `others` names. */
export const all = (
  answer: string,
  others: Partial<Readonly<Record<LookupKind, string>>> = {},
): Readonly<Record<string, string>> => ({ ...forEachLookup(() => answer), ...others });

/** Its last day has begun. */
export const LAST_DAY = { expiresAt: NOW + LIMITS.noClaimLastDays * DAY_MS - 1 } as const;

/** A decision in a few words. */
export function told(decision: MessageDecision): string {
  switch (decision.do) {
    case 'hold':
      return `hold ${decision.until - NOW}`;
    case 'lookUp': {
      const { attempt, before = 'do', epoch, round, status } = decision.record;
      expect({ epoch, round, status }).toEqual({ epoch: EPOCH, round: DOUBT.round, status: 'running' });
      return `ask ${attempt}, before ${before}`;
    }
    case 'settle':
      return decision.records
        .map(({ record: { action = 'step', step, status, open, round } }) =>
          [action, step, status, ...(action === 'step' ? [`open ${open}`, `round ${round}`] : [])].join(' '),
        )
        .join(', ');
    default:
      return decision.do;
  }
}
