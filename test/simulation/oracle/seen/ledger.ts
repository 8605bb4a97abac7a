import type { StepRecord, WorkflowMeta } from '../../../../lib/engine/state.ts';
import { META } from '../lookup/asked.ts';
import {
  type Deed,
  deedOf,
  harmful,
  keyOf,
  keyOfCall,
  newShadow,
  type Problem,
  recordsIn,
  type Shadow,
  type Times,
} from '../shadow.ts';

/** What was wrong, and when, in milliseconds since the schedule began. */
export interface Violation extends Problem {
  readonly at: number;
}

export interface LedgerOptions {
  readonly now: () => number;
  readonly start: number;
  readonly trace: (line: () => string) => void;
  /** By how much the clocks of two workers may differ, in milliseconds. */
  readonly skewMs: () => number;
}

/** What is known of all workflows of a schedule, and what was found wrong with them. */
export type Ledger = ReturnType<typeof createLedger>;

export function createLedger({ now, start, trace, skewMs }: LedgerOptions) {
  const violations: Violation[] = [];
  const workflows = new Map<string, Shadow>();
  const byId = new Map<string, Shadow>();
  /** By META as it was loaded, and by its input, which goes on into the next META. */
  const loads = new WeakMap<object, number>();
  const cards = new Set<string>();
  let begun = 0;
  let happened = 0;

  const note = (problem: Problem): void => {
    violations.push({ ...problem, at: now() - start });
    trace(() => `VIOLATION of a ${problem.breaks === 'promise' ? 'promise' : 'rule'}: ${problem.what}`);
  };
  const report = (what: string): void => note(harmful(what));
  const putMeta = (shadow: Shadow, meta: WorkflowMeta): void => {
    const before = shadow.changes.length === 0 ? undefined : shadow.meta;
    shadow.changes.push({ number: ++happened, meta, before });
    shadow.meta = meta;
    shadow.writtenAt.set(META, begun);
  };

  return {
    violations,
    workflows,
    note,
    report,
    now,
    skewMs,
    putMeta,
    find: (workflowId: string): Shadow | undefined => byId.get(workflowId),
    /** The latest that any clock says. */
    times: (): Times => ({ now: now() + skewMs(), skewMs: skewMs() }),
    /** Things that have happened to items, and loads that have begun, until now. */
    happened: (): number => happened,
    loadsBegun: (): number => begun,
    loadBegins: (): number => {
      begun += 1;
      return begun;
    },
    loaded: (meta: WorkflowMeta, number: number): void => {
      loads.set(meta, number);
      loads.set(meta.input, number);
    },
    /** The number of the load that brought META, or the input of one. */
    loadOf: (loaded: object): number | undefined => loads.get(loaded),
    /** Reports a sensitive value that outsiders see. */
    shown: (where: string, text: string): void => {
      for (const card of cards) if (text.includes(card)) report(`a sensitive value is in ${where}: ${text}`);
    },
    hasSensitive: (): boolean => cards.size > 0,
    begins: (chain: Shadow['chain'], card: string, meta: WorkflowMeta): Shadow => {
      const created = newShadow(chain, card, meta);
      created.costs.metaWrites += 1;
      putMeta(created, meta);
      workflows.set(keyOf(meta), created);
      byId.set(meta.workflowId, created);
      if (chain.sensitive.length > 0) cards.add(card);
      return created;
    },
    putStep: (shadow: Shadow, deed: Deed, record: StepRecord | undefined): void => {
      const { step, action } = deed;
      const records = recordsIn(shadow, deed);
      if (action === undefined) shadow.writtenAt.set(step, begun);
      shadow.changes.push({ number: ++happened, step, action, record, before: records.get(step) });
      for (const { round, startedAt } of record?.attempts ?? []) {
        const key = keyOfCall(shadow, { step, action, round });
        shadow.firstAttempts.set(key, Math.min(shadow.firstAttempts.get(key) ?? Infinity, startedAt));
      }
      if (record === undefined) records.delete(step);
      else records.set(step, record);
      const { status, nextAttemptAt = 0 } = record ?? {};
      if (action === undefined && status === 'retrying') shadow.waits.set(step, nextAttemptAt);
      // A claim that was in memory alone went with it, or is not counted: it is as if it had never been.
      if (record === undefined || record.attempt === 0)
        shadow.ran.delete(`${deedOf(deed)}:${shadow.meta.epoch}`);
    },
  };
}
