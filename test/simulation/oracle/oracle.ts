import { LIMITS } from '../../../lib/contract/limits.ts';
import type { EngineEvent } from '../../../lib/engine/events.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import type { Caller, Witness } from '../../../lib/testing/world/witness.ts';
import { type Answers, createAnswers } from './answers.ts';
import { createCallsUnderWay } from './calls.ts';
import { endProblems } from './end.ts';
import type { Ending } from './ending.ts';
import { createRestore } from './restart.ts';
import { createEffects, type Effects } from './seen/effects.ts';
import { createLedger, type LedgerOptions, type Violation } from './seen/ledger.ts';
import { createWrites, type WritesOptions } from './seen/writes.ts';
import { callOf, countIn, deedOf, keyOf, partsOf, type Shadow } from './shadow.ts';
import { putBackClaim, recoveryProblems } from './step.ts';
import { createTelling } from './telling.ts';
import { createWaits } from './waits.ts';

/** Sees everything that happens, and says what must not have. It shares no code with the engine's decisions. */
export interface Oracle extends Witness, Effects {
  readonly violations: readonly Violation[];
  readonly workflows: ReadonlyMap<string, Shadow>;
  /** What clients send and are answered. */
  readonly answers: Answers;
  find(workflowId: string): Shadow | undefined;
  /** A promise is broken. */
  report(what: string): void;
  /** Calls `changed` after each write of META. */
  onMeta(changed: (shadow: Shadow, before: WorkflowMeta | undefined) => void): void;
  /** Calls `changed` after each write of a step, or of an undo. */
  onStep(changed: (shadow: Shadow, record: StepRecord) => void): void;
  emitted(event: EngineEvent, caller: Caller): void;
  /**
   * A target is called, or the code of a step begun.
   * @param timeoutMs when its caller gives it up
   * @param worker the name of the one that calls a target
   * @returns what is to be told how it ended
   */
  called(idempotencyKey: string, timeoutMs: number, worker?: string): (ending: Ending) => void;
  /** Something that outsiders see: answers, logs. Sensitive values must not be in it. */
  shown(where: string, text: string): void;
  /** A process begins anew on what is left in the table; until `recovered` it puts back what the last one left. */
  restarted(store: EmbeddedStore): Promise<void>;
  recovered(): void;
  /** A call of a step ends the process, by an error that nobody catches. */
  endedLife(idempotencyKey: string): void;
  /** The process ended while this was all that was called: as `<workflowId>:<step>`. It may count, until the next life has recovered. */
  mayCount(name: string): void;
  /** Everything had the time to come to rest. */
  atRest(store: Store, isAlarmed: (workflowId: string) => boolean): Promise<void>;
}

export interface OracleOptions
  extends LedgerOptions,
    Pick<WritesOptions, 'describe' | 'isPrompt' | 'patienceMs'> {
  /** What the waits of its queues are multiples of, in milliseconds. */
  readonly granularityMs: number;
  /** Whether the API does not know the chain's version just now: it shows what is stored, and no more. */
  readonly isApiOutdated: () => boolean;
  /** Whether workers go on that their mappings have given up. */
  readonly zombies: boolean;
}

export function createOracle(options: OracleOptions): Oracle {
  const { granularityMs, isApiOutdated, isPrompt, skewMs, zombies } = options;
  const ledger = createLedger(options);
  const { find, note, now, report, shown, workflows } = ledger;
  const stepListeners: ((shadow: Shadow, record: StepRecord) => void)[] = [];
  const telling = createTelling(find);
  const calls = createCallsUnderWay(() => !zombies && skewMs() === 0, now);
  const writes = createWrites({ ...options, ledger, telling, waits: createWaits(skewMs, granularityMs) });
  const restore = createRestore({ ...ledger, metaWritten: writes.metaWritten });
  /** Attempts that may have ended a life, and are to be counted by the next. */
  const countable = new Set<string>();
  let recovering = false;

  return {
    violations: ledger.violations,
    workflows,
    answers: createAnswers({ ...ledger, isApiOutdated }),
    find,
    report,
    ...createEffects(ledger, calls),
    nextDue: () => {
      let next: number | undefined;
      for (const { meta } of workflows.values()) {
        if (meta.dueAt !== undefined && (next === undefined || meta.dueAt < next)) next = meta.dueAt;
      }
      return next;
    },
    onMeta: writes.onMeta,
    onStep: (changed) => {
      stepListeners.push(changed);
    },
    loadBegins: (key) => {
      const shadow = workflows.get(keyOf(key));
      if (shadow !== undefined) shadow.costs.loads += 1;
      return ledger.loadBegins();
    },
    loaded: ledger.loaded,
    /** The first create is none: the workflow is not known before it has happened. */
    metaTried: ({ workflowId }) => {
      const shadow = find(workflowId);
      if (shadow !== undefined) shadow.costs.metaTries += 1;
    },
    metaWritten: writes.metaWritten,
    stepTried: ({ workflowId }, { step }, expiresAt) => {
      const shadow = find(workflowId);
      if (shadow === undefined) return;
      shadow.costs.stepTries += 1;
      const due = shadow.meta.expiresAt;
      if (due !== expiresAt) report(`${step} is to expire at ${expiresAt}, and its workflow at ${due}`);
    },
    stepWritten: (decidedFrom, record) => {
      const shadow = workflows.get(keyOf(decidedFrom));
      if (shadow === undefined)
        return report(`${deedOf(record)} was written for a workflow that is not there`);
      shadow.costs.stepWrites += 1;
      if (recovering) {
        const counts = countable.has(`${shadow.meta.workflowId}:${record.step}`);
        for (const problem of recoveryProblems(shadow, record, { now: now(), counts })) note(problem);
        shadow.claims.set(record.token, putBackClaim(shadow, record));
      } else writes.stepWritten(shadow, decidedFrom, record);
      // Whoever wrote what came of a call is done with it, though the reply may take its time.
      if (record.status !== 'running') calls.ends(record.token);
      ledger.putStep(shadow, record, record);
      for (const listener of stepListeners) listener(shadow, record);
      if (record.error !== undefined && ledger.hasSensitive())
        shown(`the item of ${deedOf(record)}`, JSON.stringify(record.error));
    },
    sent: (message, body) => {
      if (Buffer.byteLength(body) > LIMITS.messageBytes) {
        report(`a message of ${Buffer.byteLength(body)} bytes was sent`);
      }
      shown('a message', body);
      const shadow = find(message.workflowId);
      if (shadow === undefined) return;
      shadow.costs.messages += 1;
      const { step, epoch, trip } = message;
      const deed = message.action === 'undo' ? deedOf({ step, action: 'undo' }) : step;
      if (trip > 0) countIn(shadow.redrives, `${deed}:${epoch}`);
    },
    emitted: (event, caller) => {
      if (ledger.hasSensitive()) shown('telemetry', JSON.stringify(event));
      if (event.event !== 'attempt_started' && event.event !== 'dead_letter') return;
      const { step, workflowId } = event;
      const shadow = find(workflowId);
      if (event.event === 'dead_letter') {
        if (shadow === undefined) return;
        const { epoch, status } = shadow.meta;
        // META says what a message asks for.
        const isUndo = status === 'compensating' || status === 'compensation_failed';
        countIn(shadow.deadLetters, `${isUndo ? deedOf({ step, action: 'undo' }) : step}:${epoch}`);
        return;
      }
      const { epoch, attempt, idempotencyKey, action } = event;
      const deed = deedOf(event);
      const claim = shadow?.attempts.get(`${deed}:${epoch}:${attempt}`);
      if (shadow === undefined || claim === undefined) {
        return report(`${deed} began attempt ${attempt} without a claim`);
      }
      if (shadow.cancelledAt !== undefined && claim.loadedAt > shadow.cancelledAt) {
        report(`${deed} makes a call, and its load began after the cancel was acknowledged`);
      }
      if (!shadow.ran.has(`${deed}:${epoch}`)) shadow.ran.set(`${deed}:${epoch}`, ledger.loadsBegun());
      const { token, leaseUntil = 0 } = claim;
      // The write of its claim may have landed long before.
      const asked = shadow.asked.get(token);
      if (asked !== undefined) shadow.asked.set(token, { ...asked, at: now() });
      const ofStep = action === undefined ? { step } : { step, action };
      const problem = calls.begins(shadow, { ...ofStep, token, leaseUntil, idempotencyKey, epoch }, caller);
      if (problem !== undefined) report(problem);
    },
    callEnded: calls.ends,
    called: (idempotencyKey, timeoutMs, worker) => {
      const { deadlines } = find(partsOf(idempotencyKey).workflowId) ?? {};
      const deadline = now() + timeoutMs;
      deadlines?.set(idempotencyKey, Math.max(deadlines.get(idempotencyKey) ?? 0, deadline));
      const ended = calls.reaches(idempotencyKey, worker);
      if (ended !== undefined) return ended;
      report(`a call was made under ${idempotencyKey} that belongs to no attempt`);
      return () => undefined;
    },
    notified: writes.notified,
    paceWritten: (pace) => {
      for (const problem of telling.paceWritten(pace)) note(problem);
    },
    shown,
    restarted: async (store) => {
      recovering = true;
      await restore(store);
      for (const problem of telling.restarted(await store.loadPace())) note(problem);
    },
    recovered: () => {
      recovering = false;
      countable.clear();
    },
    mayCount: (name) => {
      countable.add(name);
    },
    endedLife: (idempotencyKey) => {
      const { workflowId, ...deed } = partsOf(idempotencyKey);
      const { step } = deed;
      const shadow = find(workflowId);
      if (shadow === undefined) return;
      countable.add(`${workflowId}:${step}`);
      const name = `${deedOf(deed)}:${shadow.meta.epoch}`;
      countIn(shadow.endedLives, name);
      const [lives, attempts] = [shadow.endedLives.get(name) ?? 0, callOf(shadow, deed).retries + 1];
      if (lives > attempts)
        report(`${deedOf(deed)} ended ${lives} lives of the process, and has ${attempts} attempts`);
    },
    atRest: async (store, isAlarmed) => {
      for (const shadow of workflows.values()) {
        // Where only targets fail nothing may be given up.
        const alarmed = !isPrompt() && isAlarmed(shadow.meta.workflowId);
        for (const problem of await endProblems(store, shadow, alarmed)) report(problem);
      }
    },
  };
}
