import type { Notification } from '../../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../../../lib/engine/state.ts';
import { isOver } from '../constants.ts';
import { wordOf } from '../lookup/answered.ts';
import { askedProblems } from '../lookup/asked.ts';
import { metaProblems } from '../meta.ts';
import { promptMetaProblems, promptProblems, promptToldProblems } from '../prompt.ts';
import { countIn, deedOf, keyOf, keyOfCall, recordsIn, type SeenClaim, type Shadow } from '../shadow.ts';
import { isClaim, isForced, stepProblems } from '../step.ts';
import { kindOf, type TellingWitness } from '../telling.ts';
import type { Waits } from '../waits.ts';
import type { Ledger } from './ledger.ts';

/** Writes that have happened, and what on-call was told of them. */
export interface Writes {
  metaWritten(meta: WorkflowMeta): void;
  /** @param decidedFrom the META that the writer had loaded */
  stepWritten(shadow: Shadow, decidedFrom: WorkflowKey, record: StepRecord): void;
  notified(notification: Notification): void;
  /** Calls `changed` after each write of META. */
  onMeta(changed: (shadow: Shadow, before: WorkflowMeta | undefined) => void): void;
}

export interface WritesOptions {
  readonly ledger: Ledger;
  readonly waits: Waits;
  readonly telling: TellingWitness;
  /** The chain and the sensitive value of a workflow that is being created. */
  readonly describe: (meta: WorkflowMeta) => { readonly chain: Shadow['chain']; readonly card: string };
  /** Whether nothing fails but targets: then no step waits, but for so many milliseconds. */
  readonly isPrompt: () => boolean;
  readonly patienceMs: number;
}

export function createWrites({
  ledger,
  waits,
  telling,
  describe,
  isPrompt,
  patienceMs,
}: WritesOptions): Writes {
  const { find, note, now, report, times, workflows } = ledger;
  const listeners: ((shadow: Shadow, before: WorkflowMeta | undefined) => void)[] = [];

  const claimed = (shadow: Shadow, decidedFrom: WorkflowKey, record: StepRecord): void => {
    const loadedAt = ledger.loadOf(decidedFrom);
    const deed = deedOf(record);
    if (loadedAt === undefined) {
      report(`${deed} was claimed from a state that was never loaded`);
      return;
    }
    if (isForced(shadow, record)) {
      // A claim that is put back gives its round to the next.
      shadow.forced.set(deed, new Set(shadow.forced.get(deed)).add(record.round));
    }
    const { step, action, token, leaseUntil } = record;
    const before = recordsIn(shadow, record).get(step);
    const claim: SeenClaim = { token, loadedAt, leaseUntil, before };
    shadow.claims.set(token, claim);
    shadow.attempts.set(`${deed}:${record.epoch}:${record.attempt}`, claim);
    if (action === undefined) countIn(shadow.claimed, step);
    if (action !== 'lookup') return;
    shadow.asked.set(token, { at: now(), claimed: shadow.claimed.get(step) ?? 0 });
    for (const problem of askedProblems(shadow, record, loadedAt, times())) note(problem);
  };

  const attemptEnded = (shadow: Shadow, record: StepRecord): void => {
    const running = recordsIn(shadow, record).get(record.step);
    // One that is put back has made no call.
    if (running?.token !== record.token) return;
    // Asked too early, a lookup waits for what its step may yet do, and not for its target.
    const isEarly = record.action === 'lookup' && record.attempt < running.attempt;
    if (record.status === 'retrying' && !isEarly)
      for (const problem of waits.problems(shadow, record)) note(problem);
    if (record.error?.effect === 'none') shadow.unused.set(keyOfCall(shadow, running), now());
  };

  /** On-call knows of a failure: it was named, or counted with others. */
  const told = (shadow: Shadow, id: string): void => {
    const failedAt = shadow.toTell.get(id);
    if (isPrompt() && !shadow.told.has(id) && failedAt !== undefined) {
      // It may have been resumed since, and have no error any more.
      const failure = shadow.failures.get(id) ?? shadow.meta;
      const patience = patienceMs + telling.patienceFor(failure, failedAt, now());
      for (const problem of promptToldProblems(shadow, id, now(), patience)) note(problem);
    }
    shadow.told.add(id);
    shadow.mustTell.delete(id);
  };

  /** What a write of META makes of what on-call is to be told. */
  const toBeTold = (shadow: Shadow, meta: WorkflowMeta, id: string): void => {
    const { meta: before } = shadow;
    // Who resumes or closes a failed workflow before on-call was told knows of it. What is worse is told instead.
    const isKnown = before.status === 'failed' || before.status === 'compensation_failed';
    if (before.status !== meta.status && (isKnown || meta.status === 'compensation_failed'))
      shadow.mustTell.clear();
    const isOther = before.status === 'compensating' && meta.status === 'failed';
    if (isOther) shadow.told.delete(id);
    if (meta.notify === 'pending' && (isOther || !shadow.toTell.has(id))) {
      shadow.toTell.set(id, now());
      shadow.failures.set(id, meta);
      shadow.mustTell.add(id);
    }
  };

  const counted = (shadow: Shadow, meta: WorkflowMeta): void => {
    const { meta: before } = shadow;
    shadow.costs.metaWrites += 1;
    const turns = meta.status === 'compensating' && before.status !== meta.status;
    if (meta.epoch > before.epoch || turns) shadow.processingSince = now();
    if (meta.epoch > before.epoch && meta.newKey?.epoch === meta.epoch) {
      const { step } = meta.newKey;
      countIn(shadow.newKeys, turns ? deedOf({ step, action: 'undo' }) : step);
    }
    if (!turns) return;
    shadow.turnedAt = now();
    const byItself = before.status === 'processing' && before.error?.step !== meta.error?.step;
    if (meta.epoch === before.epoch && !byItself) shadow.turned += 1;
  };

  return {
    onMeta: (changed) => {
      listeners.push(changed);
    },
    metaWritten: (meta) => {
      const shadow = workflows.get(keyOf(meta));
      for (const problem of metaProblems(shadow, meta, ledger.loadOf(meta.input), times().now)) note(problem);
      if (shadow === undefined) {
        const { chain, card } = describe(meta);
        const created = ledger.begins(chain, card, meta);
        for (const listener of listeners) listener(created, undefined);
        return;
      }
      const { meta: before } = shadow;
      if (isPrompt()) {
        // Before a compensation ends on-call is told of the failure for which it began.
        const isToldFirst = before.status === 'compensating' && before.error !== undefined;
        const first = isToldFirst ? telling.patienceFor(before, shadow.turnedAt ?? now(), now()) : 0;
        for (const problem of promptMetaProblems(shadow, meta, now(), patienceMs + first)) note(problem);
      }
      counted(shadow, meta);
      const id = `${meta.workflowId}:${meta.epoch}:${kindOf(meta)}`;
      toBeTold(shadow, meta, id);
      ledger.putMeta(shadow, meta);
      if (before.notify === 'pending' && meta.status === before.status && meta.notify === undefined) {
        for (const problem of telling.marked(meta)) note(problem);
        told(shadow, id);
      }
      if (isOver(meta) && shadow.chain.sensitive.length > 0 && JSON.stringify(meta).includes(shadow.card)) {
        report(`META of a workflow that is ${meta.status} holds a sensitive value`);
      }
      for (const listener of listeners) listener(shadow, before);
    },
    stepWritten: (shadow, decidedFrom, record) => {
      for (const problem of stepProblems(shadow, record, times())) note(problem);
      const before = shadow.steps.get(record.step);
      if (before !== undefined && wordOf(shadow, before, record) === 'notDone')
        shadow.denied.add(keyOfCall(shadow, before));
      if (!isClaim(shadow, record)) return attemptEnded(shadow, record);
      if (isPrompt()) for (const problem of promptProblems(shadow, record, now(), patienceMs)) note(problem);
      claimed(shadow, decidedFrom, record);
    },
    notified: (notification) => {
      ledger.shown('a notification', JSON.stringify(notification));
      for (const problem of telling.published(notification)) note(problem);
      const kind = notification.id.split(':').at(-1);
      for (const { workflowId, epoch } of notification.examples) {
        const shadow = find(workflowId);
        if (shadow !== undefined) told(shadow, `${workflowId}:${epoch}:${kind}`);
      }
    },
  };
}
