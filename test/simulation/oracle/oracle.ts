import { LIMITS } from '../../../lib/contract/limits.ts';
import type { EngineEvent } from '../../../lib/engine/events.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import type { Caller, Witness } from '../../../lib/testing/world/witness.ts';
import { type Answers, createAnswers } from './answers.ts';
import { createCallsUnderWay } from './calls.ts';
import { isOver } from './constants.ts';
import { endProblems } from './end.ts';
import type { Ending } from './ending.ts';
import { metaProblems } from './meta.ts';
import { promptMetaProblems, promptProblems, promptToldProblems } from './prompt.ts';
import { createRestore } from './restart.ts';
import {
  callOf,
  countIn,
  type Deed,
  deedOf,
  harmful,
  isCompleted,
  keyOf,
  keyOfCall,
  newShadow,
  type Problem,
  partsOf,
  recordsIn,
  type SeenClaim,
  type Shadow,
  stepOf,
} from './shadow.ts';
import { isClaim, isForced, putBackClaim, recoveryProblems, stepProblems } from './step.ts';
import { createTelling, kindOf } from './telling.ts';
import { lateEffectProblems, undoEffectProblems } from './undo.ts';
import { createWaits } from './waits.ts';

/** What was wrong, and when, in milliseconds since the schedule began. */
export interface Violation extends Problem {
  readonly at: number;
}

/** Sees everything that happens, and says what must not have. It shares no code with the engine's decisions. */
export interface Oracle extends Witness {
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
   * @param worker the name of the one that calls a target
   * @returns what is to be told how it ended
   */
  called(idempotencyKey: string, worker?: string): (ending: Ending) => void;
  /** A target acts, for the first time under this key. @param calledAt when the call was made by which it does */
  acted(idempotencyKey: string, result: unknown, calledAt: number): void;
  /** The same of an undo. @param undoneKey the key whose effect it takes back */
  undid(idempotencyKey: string, undoneKey: string, calledAt: number): void;
  /** A person takes back by hand what a step did, and is about to say so. */
  undidByHand(workflowId: string, step: string): void;
  /** A target is sent another request under a key that it knows. */
  sentAnother(idempotencyKey: string, before: string, now: string): void;
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

export interface OracleOptions {
  readonly now: () => number;
  readonly start: number;
  /** The chain and the sensitive value of a workflow that is being created. */
  readonly describe: (meta: WorkflowMeta) => { readonly chain: Shadow['chain']; readonly card: string };
  readonly trace: (line: () => string) => void;
  /** By how much the clocks of two workers may differ, in milliseconds. */
  readonly skewMs: () => number;
  /** What the waits of its queues are multiples of, in milliseconds. */
  readonly granularityMs: number;
  /** Whether the API does not know the chain's version just now: it shows what is stored, and no more. */
  readonly isApiOutdated: () => boolean;
  /** Whether nothing fails but targets: then no step waits. */
  readonly isPrompt: () => boolean;
  /** Milliseconds that anything may wait then all the same. */
  readonly patienceMs: number;
  /** Whether workers go on that their mappings have given up. */
  readonly zombies: boolean;
}

const LEASE_MARGIN_MS = LIMITS.leaseMargin * 1_000;

export function createOracle({
  now,
  start,
  describe,
  trace,
  skewMs,
  granularityMs,
  isApiOutdated,
  isPrompt,
  patienceMs,
  zombies,
}: OracleOptions): Oracle {
  const violations: Violation[] = [];
  const workflows = new Map<string, Shadow>();
  const byId = new Map<string, Shadow>();
  /** By META as it was loaded, and by its input, which goes on into the next META. */
  const loads = new WeakMap<object, number>();
  const cards = new Set<string>();
  const listeners: ((shadow: Shadow, before: WorkflowMeta | undefined) => void)[] = [];
  const stepListeners: ((shadow: Shadow, record: StepRecord) => void)[] = [];
  const waits = createWaits(skewMs, granularityMs);
  const telling = createTelling((workflowId) => byId.get(workflowId));
  const calls = createCallsUnderWay(() => !zombies && skewMs() === 0, now);
  let begun = 0;
  let happened = 0;
  /** Attempts that may have ended a life, and are to be counted by the next. */
  const countable = new Set<string>();
  let recovering = false;

  const note = (problem: Problem): void => {
    violations.push({ ...problem, at: now() - start });
    trace(() => `VIOLATION of a ${problem.breaks === 'promise' ? 'promise' : 'rule'}: ${problem.what}`);
  };
  const report = (what: string): void => note(harmful(what));
  const shown = (where: string, text: string): void => {
    for (const card of cards) if (text.includes(card)) report(`a sensitive value is in ${where}: ${text}`);
  };

  const putMeta = (shadow: Shadow, meta: WorkflowMeta): void => {
    shadow.changes.push({ number: ++happened, meta });
    shadow.meta = meta;
  };
  const putStep = (shadow: Shadow, deed: Deed, record: StepRecord | undefined): void => {
    const { step, action } = deed;
    shadow.changes.push({ number: ++happened, step, ...(action === undefined ? {} : { action }), record });
    const records = recordsIn(shadow, deed);
    if (record === undefined) records.delete(step);
    else records.set(step, record);
    const { status, nextAttemptAt = 0 } = record ?? {};
    if (action === undefined && status === 'retrying') shadow.waits.set(step, nextAttemptAt);
    // A claim that was in memory alone went with it, or is not counted: it is as if it had never been.
    if (record === undefined || record.attempt === 0)
      shadow.ran.delete(`${deedOf(deed)}:${shadow.meta.epoch}`);
  };

  const claimed = (shadow: Shadow, decidedFrom: WorkflowKey, record: StepRecord): void => {
    const loadedAt = loads.get(decidedFrom);
    const deed = deedOf(record);
    if (loadedAt === undefined) {
      report(`${deed} was claimed from a state that was never loaded`);
      return;
    }
    if (isForced(shadow, record)) {
      // A claim that is put back gives its round to the next.
      shadow.forced.set(deed, new Set(shadow.forced.get(deed)).add(record.round));
    }
    const { token, leaseUntil } = record;
    const before = recordsIn(shadow, record).get(record.step);
    const claim: SeenClaim = { token, loadedAt, leaseUntil, before };
    shadow.claims.set(record.token, claim);
    shadow.attempts.set(`${deed}:${record.epoch}:${record.attempt}`, claim);
  };

  const attemptEnded = (shadow: Shadow, record: StepRecord): void => {
    const running = recordsIn(shadow, record).get(record.step);
    // One that is put back has made no call.
    if (running?.token !== record.token) return;
    if (record.status === 'retrying') for (const problem of waits.problems(shadow, record)) note(problem);
    if (record.error?.effect === 'none') shadow.unused.set(keyOfCall(shadow, running), now());
  };

  const metaWritten = (meta: WorkflowMeta): void => {
    const shadow = workflows.get(keyOf(meta));
    const latest = now() + skewMs();
    for (const problem of metaProblems(shadow, meta, loads.get(meta.input), latest)) note(problem);
    if (shadow === undefined) {
      const { chain, card } = describe(meta);
      const created = newShadow(chain, card, meta);
      created.costs.metaWrites += 1;
      putMeta(created, meta);
      workflows.set(keyOf(meta), created);
      byId.set(meta.workflowId, created);
      if (chain.sensitive.length > 0) cards.add(card);
      for (const listener of listeners) listener(created, undefined);
      return;
    }
    const { meta: before } = shadow;
    shadow.costs.metaWrites += 1;
    if (isPrompt()) for (const problem of promptMetaProblems(shadow, meta, now(), patienceMs)) note(problem);
    const turns = meta.status === 'compensating' && before.status !== meta.status;
    if (meta.epoch > before.epoch || turns) shadow.processingSince = now();
    if (meta.epoch > before.epoch && meta.newKey?.epoch === meta.epoch) {
      const { step } = meta.newKey;
      countIn(shadow.newKeys, turns ? deedOf({ step, action: 'undo' }) : step);
    }
    if (turns) {
      shadow.turnedAt = now();
      const byItself = before.status === 'processing' && before.error?.step !== meta.error?.step;
      if (meta.epoch === before.epoch && !byItself) shadow.turned += 1;
    }
    // Who resumes or closes a failed workflow before on-call was told knows of it. What is worse is told instead.
    const isKnown = before.status === 'failed' || before.status === 'compensation_failed';
    if (before.status !== meta.status && (isKnown || meta.status === 'compensation_failed'))
      for (const id of shadow.mustTell) if (!shadow.told.has(id)) shadow.mustTell.delete(id);
    const id = `${meta.workflowId}:${meta.epoch}:${kindOf(meta)}`;
    const isOther = before.status === 'compensating' && meta.status === 'failed';
    if (isOther) shadow.told.delete(id);
    if (meta.notify === 'pending' && (isOther || !shadow.toTell.has(id))) {
      shadow.toTell.set(id, now());
      shadow.failures.set(id, meta);
      shadow.mustTell.add(id);
    }
    putMeta(shadow, meta);
    if (before.notify === 'pending' && meta.status === before.status && meta.notify === undefined) {
      for (const problem of telling.marked(meta)) note(problem);
      told(shadow, id);
    }
    if (isOver(meta) && shadow.chain.sensitive.length > 0 && JSON.stringify(meta).includes(shadow.card)) {
      report(`META of a workflow that is ${meta.status} holds a sensitive value`);
    }
    for (const listener of listeners) listener(shadow, before);
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
  };

  /** What a target did under a key, be it a step or its undo. */
  const tookEffect = (idempotencyKey: string, result: unknown, calledAt: number): Shadow | undefined => {
    const { workflowId, ...of } = partsOf(idempotencyKey);
    const shadow = byId.get(workflowId);
    if (shadow === undefined) {
      report(`a target acted for ${idempotencyKey}, which nobody knows`);
      return undefined;
    }
    const deed = deedOf(of);
    for (const before of stepOf(shadow, of.step).after) {
      if (!isCompleted(shadow, before)) report(`${deed} took effect before ${before} was saved`);
    }
    const effects = shadow.effects.get(deed) ?? new Map<string, unknown>();
    if (effects.has(idempotencyKey))
      report(`${deed} took effect a second time under ${idempotencyKey}, which its target had forgotten`);
    // What is stored is what the schema makes of the reply.
    const { response } = callOf(shadow, of);
    effects.set(idempotencyKey, of.action === undefined ? (response?.parse(result) ?? result) : null);
    shadow.effects.set(deed, effects);
    if (effects.size > 1 + (shadow.newKeys.get(deed) ?? 0))
      report(`${deed} took effect ${effects.size} times, under ${[...effects.keys()].join(' and ')}`);
    if (calledAt < (shadow.unused.get(idempotencyKey) ?? 0))
      report(`${deed} took effect under ${idempotencyKey}, and was said to have none`);
    return shadow;
  };

  const restore = createRestore({ workflows, report, metaWritten, putStep });

  return {
    violations,
    workflows,
    answers: createAnswers({
      ...{ now, skewMs, workflows, report, isApiOutdated },
      find: (workflowId) => byId.get(workflowId),
      happened: () => happened,
      loadsBegun: () => begun,
    }),
    find: (workflowId) => byId.get(workflowId),
    report,
    nextDue: () => {
      let next: number | undefined;
      for (const { meta } of workflows.values()) {
        if (meta.dueAt !== undefined && (next === undefined || meta.dueAt < next)) next = meta.dueAt;
      }
      return next;
    },
    onMeta: (changed) => {
      listeners.push(changed);
    },
    onStep: (changed) => {
      stepListeners.push(changed);
    },
    loadBegins: (key) => {
      const shadow = workflows.get(keyOf(key));
      if (shadow !== undefined) shadow.costs.loads += 1;
      begun += 1;
      return begun;
    },
    loaded: (meta, number) => {
      loads.set(meta, number);
      loads.set(meta.input, number);
    },
    /** The first create is none: the workflow is not known before it has happened. */
    metaTried: ({ workflowId }) => {
      const shadow = byId.get(workflowId);
      if (shadow !== undefined) shadow.costs.metaTries += 1;
    },
    metaWritten,
    stepTried: ({ workflowId }, { step }, expiresAt) => {
      const shadow = byId.get(workflowId);
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
      } else {
        const times = { now: now() + skewMs(), skewMs: skewMs() };
        for (const problem of stepProblems(shadow, record, times)) note(problem);
        if (isClaim(shadow, record)) {
          if (isPrompt())
            for (const problem of promptProblems(shadow, record, now(), patienceMs)) note(problem);
          claimed(shadow, decidedFrom, record);
        } else attemptEnded(shadow, record);
      }
      // Whoever wrote what came of a call is done with it, though the reply may take its time.
      if (record.status !== 'running') calls.ends(record.token);
      putStep(shadow, record, record);
      for (const listener of stepListeners) listener(shadow, record);
      if (record.error !== undefined && cards.size > 0)
        shown(`the item of ${deedOf(record)}`, JSON.stringify(record.error));
    },
    sent: (message, body) => {
      if (Buffer.byteLength(body) > LIMITS.messageBytes) {
        report(`a message of ${Buffer.byteLength(body)} bytes was sent`);
      }
      shown('a message', body);
      const shadow = byId.get(message.workflowId);
      if (shadow === undefined) return;
      shadow.costs.messages += 1;
      const { step, epoch, trip } = message;
      const deed = message.action === 'undo' ? deedOf({ step, action: 'undo' }) : step;
      if (trip > 0) countIn(shadow.redrives, `${deed}:${epoch}`);
    },
    emitted: (event, caller) => {
      if (cards.size > 0) shown('telemetry', JSON.stringify(event));
      if (event.event !== 'attempt_started' && event.event !== 'dead_letter') return;
      const { step, workflowId } = event;
      const shadow = byId.get(workflowId);
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
      if (!shadow.ran.has(`${deed}:${epoch}`)) shadow.ran.set(`${deed}:${epoch}`, begun);
      const { token, leaseUntil = 0 } = claim;
      const ofStep = action === undefined ? { step } : { step, action };
      const problem = calls.begins(shadow, { ...ofStep, token, leaseUntil, idempotencyKey }, caller);
      if (problem !== undefined) report(problem);
    },
    callEnded: calls.ends,
    called: (idempotencyKey, worker) => {
      const ended = calls.reaches(idempotencyKey, worker);
      if (ended !== undefined) return ended;
      report(`a call was made under ${idempotencyKey} that belongs to no attempt`);
      return () => undefined;
    },
    acted: (idempotencyKey, result, calledAt) => {
      const shadow = tookEffect(idempotencyKey, result, calledAt);
      const { step } = partsOf(idempotencyKey);
      if (shadow === undefined) return;
      // A promise holds for functions that end by their lease, by clocks that agree about when that is.
      if (skewMs() > LEASE_MARGIN_MS || calls.isStale(idempotencyKey, calledAt))
        shadow.stale.add(idempotencyKey);
      else for (const what of lateEffectProblems(shadow, step, idempotencyKey)) report(what);
    },
    undid: (idempotencyKey, undoneKey, calledAt) => {
      const shadow = tookEffect(idempotencyKey, undefined, calledAt);
      if (shadow === undefined) return;
      const { step } = partsOf(idempotencyKey);
      const effect = { step, key: idempotencyKey, undoneKey };
      for (const what of undoEffectProblems(shadow, effect)) report(what);
      shadow.undone.add(undoneKey);
    },
    undidByHand: (workflowId, step) => {
      const shadow = byId.get(workflowId);
      if (shadow === undefined) return;
      shadow.saidUndone.add(step);
      for (const key of shadow.effects.get(step)?.keys() ?? []) shadow.undone.add(key);
    },
    sentAnother: (idempotencyKey, before, sent) => {
      const { workflowId, ...deed } = partsOf(idempotencyKey);
      const shadow = byId.get(workflowId);
      const token = shadow && recordsIn(shadow, deed).get(deed.step)?.token;
      const claim = shadow?.claims.get(token ?? '')?.before;
      // A claim that was in memory alone went with its process, and what it sent with it.
      if (claim !== undefined && claim.open > 0 && claim.sentHash === undefined) return;
      report(`${deedOf(deed)} sends ${sent} under ${idempotencyKey}, and sent ${before} before`);
    },
    notified: (notification) => {
      shown('a notification', JSON.stringify(notification));
      for (const problem of telling.published(notification)) note(problem);
      const kind = notification.id.split(':').at(-1);
      for (const { workflowId, epoch } of notification.examples) {
        const shadow = byId.get(workflowId);
        if (shadow !== undefined) told(shadow, `${workflowId}:${epoch}:${kind}`);
      }
    },
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
      const shadow = byId.get(workflowId);
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
