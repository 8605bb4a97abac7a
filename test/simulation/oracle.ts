import { isDeepStrictEqual } from 'node:util';
import { LIMITS } from '../../lib/contract/limits.ts';
import type { StepMessage } from '../../lib/contract/wire.ts';
import type { EngineEvent } from '../../lib/engine/events.ts';
import type { Notification, Store } from '../../lib/engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta, WorkflowState } from '../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../lib/local/embedded-store.ts';
import { metaProblems } from './oracle-meta.ts';
import { promptProblems } from './oracle-prompt.ts';
import { isClaim, putBackClaim, recoveryProblems, stepProblems } from './oracle-step.ts';
import {
  harmful,
  isCompleted,
  keyOf,
  newShadow,
  type Problem,
  type SeenClaim,
  type Shadow,
  stepOf,
} from './shadow.ts';

/** What was wrong, and when, in milliseconds since the schedule began. */
export interface Violation extends Problem {
  readonly at: number;
}

/** Sees everything that happens, and says what must not have. It shares no code with the engine's decisions. */
export interface Oracle {
  readonly violations: readonly Violation[];
  readonly workflows: ReadonlyMap<string, Shadow>;
  find(workflowId: string): Shadow | undefined;
  /** A promise is broken. */
  report(what: string): void;
  /** When the next workflow is due for the reconciler; undefined if none is. */
  nextDue(): number | undefined;
  /** Calls `changed` after each write of META. */
  onMeta(changed: (shadow: Shadow, before: WorkflowMeta | undefined) => void): void;
  /** A load begins: returns its number, which the state that it brings is to be known by. */
  loadBegins(key: WorkflowKey): number;
  loaded(meta: WorkflowMeta, number: number): void;
  metaWritten(meta: WorkflowMeta): void;
  /** @param decidedFrom the META that the writer had loaded */
  stepWritten(decidedFrom: WorkflowKey, record: StepRecord): void;
  sent(message: StepMessage, body: string): void;
  emitted(event: EngineEvent): void;
  /** A target was called, or the code of a step begun. */
  called(idempotencyKey: string): void;
  /** A target acts, for the first time under this key. */
  acted(idempotencyKey: string, result: unknown): void;
  notified(notification: Notification): void;
  accepted(workflowId: string): void;
  cancelAcknowledged(workflowId: string): void;
  resumeAcknowledged(workflowId: string): void;
  /** Something that outsiders see: answers, logs. Sensitive values must not be in it. */
  shown(where: string, text: string): void;
  /** A process begins anew on what is left in the table; until `recovered` it puts back what the last one left. */
  restarted(store: EmbeddedStore): Promise<void>;
  recovered(): void;
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
  /** Whether nothing fails but targets: then no step waits. */
  readonly isPrompt: () => boolean;
}

/** The parts of an idempotency key: `<workflowId>:<step>:<action>:<round>`. */
function partsOf(idempotencyKey: string): { workflowId: string; step: string; round: number } {
  const [workflowId = '', step = '', , round = ''] = idempotencyKey.split(':');
  return { workflowId, step, round: Number(round) };
}

export function createOracle({ now, start, describe, trace, skewMs, isPrompt }: OracleOptions): Oracle {
  const violations: Violation[] = [];
  const workflows = new Map<string, Shadow>();
  const byId = new Map<string, Shadow>();
  const loads = new WeakMap<WorkflowKey, number>();
  const cards = new Set<string>();
  const attemptsBegun = new Map<string, number>();
  const listeners: ((shadow: Shadow, before: WorkflowMeta | undefined) => void)[] = [];
  let begun = 0;
  let recovering = false;

  const note = (problem: Problem): void => {
    violations.push({ ...problem, at: now() - start });
    trace(() => `VIOLATION of a ${problem.breaks === 'promise' ? 'promise' : 'rule'}: ${problem.what}`);
  };
  const report = (what: string): void => note(harmful(what));
  const shown = (where: string, text: string): void => {
    for (const card of cards) if (text.includes(card)) report(`a sensitive value is in ${where}: ${text}`);
  };

  const claimed = (shadow: Shadow, decidedFrom: WorkflowKey, record: StepRecord): void => {
    const loadedAt = loads.get(decidedFrom);
    if (loadedAt === undefined) {
      report(`${record.step} was claimed from a state that was never loaded`);
      return;
    }
    const claim: SeenClaim = { loadedAt, before: shadow.steps.get(record.step) };
    shadow.claims.set(record.token, claim);
    shadow.attempts.set(`${record.step}:${record.epoch}:${record.attempt}`, claim);
  };

  const metaWritten = (meta: WorkflowMeta): void => {
    const shadow = workflows.get(keyOf(meta));
    for (const problem of metaProblems(shadow, meta)) note(problem);
    if (shadow === undefined) {
      const { chain, card } = describe(meta);
      const created = newShadow(chain, card, meta);
      created.costs.metaWrites += 1;
      workflows.set(keyOf(meta), created);
      byId.set(meta.workflowId, created);
      if (chain.sensitive.length > 0) cards.add(card);
      for (const listener of listeners) listener(created, undefined);
      return;
    }
    const { meta: before } = shadow;
    shadow.costs.metaWrites += 1;
    if (meta.newKey !== undefined && meta.newKey.epoch !== shadow.meta.newKey?.epoch) {
      shadow.forced.set(meta.newKey.step, (shadow.forced.get(meta.newKey.step) ?? 0) + 1);
    }
    if (meta.notify === 'pending') shadow.toTell.add(`${meta.workflowId}:${meta.epoch}:${meta.status}`);
    if (meta.epoch > before.epoch) shadow.processingSince = now();
    shadow.meta = meta;
    const erased = meta.status === 'completed' || meta.status === 'cancelled';
    if (erased && shadow.chain.sensitive.length > 0 && JSON.stringify(meta).includes(shadow.card)) {
      report(`META of a workflow that is ${meta.status} holds a sensitive value`);
    }
    for (const listener of listeners) listener(shadow, before);
  };

  /** The table is right: what a process had in memory alone went with it. */
  const reread = async (store: Store, shadow: Shadow): Promise<void> => {
    const state = await store.load(shadow.meta);
    if (state === undefined) return report(`${shadow.meta.workflowId} was saved and is gone`);
    if (!isDeepStrictEqual(state.meta, shadow.meta)) metaWritten(state.meta);
    for (const { name, after } of shadow.chain.steps) {
      const record = state.steps.get(name);
      if (record === undefined) shadow.steps.delete(name);
      else shadow.steps.set(name, record);
      const acted = (shadow.effects.get(name)?.size ?? 0) > 0;
      for (const before of acted ? after : []) {
        if (state.steps.get(before)?.status !== 'completed')
          report(`${name} took effect, and the result of ${before} is gone`);
      }
    }
  };

  return {
    violations,
    workflows,
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
    loadBegins: (key) => {
      const shadow = workflows.get(keyOf(key));
      if (shadow !== undefined) shadow.costs.loads += 1;
      begun += 1;
      return begun;
    },
    loaded: (meta, number) => loads.set(meta, number),
    metaWritten,
    stepWritten: (decidedFrom, record) => {
      const shadow = workflows.get(keyOf(decidedFrom));
      if (shadow === undefined) return report(`${record.step} was written for a workflow that is not there`);
      shadow.costs.stepWrites += 1;
      if (recovering) {
        for (const problem of recoveryProblems(shadow, record, now())) note(problem);
        shadow.claims.set(record.token, putBackClaim(shadow, record));
      } else {
        for (const problem of stepProblems(shadow, record, now() + skewMs())) note(problem);
        if (isClaim(shadow, record)) {
          if (isPrompt()) for (const problem of promptProblems(shadow, record, now())) note(problem);
          claimed(shadow, decidedFrom, record);
        }
      }
      shadow.steps.set(record.step, record);
      if (record.error !== undefined && cards.size > 0)
        shown(`the item of ${record.step}`, JSON.stringify(record.error));
    },
    sent: (message, body) => {
      if (Buffer.byteLength(body) > LIMITS.messageBytes) {
        report(`a message of ${Buffer.byteLength(body)} bytes was sent`);
      }
      shown('a message', body);
      const shadow = byId.get(message.workflowId);
      if (shadow === undefined) return;
      shadow.costs.messages += 1;
      if (message.trip >= LIMITS.trips) shadow.trips.add(`${message.step}:${message.epoch}`);
    },
    emitted: (event) => {
      trace(() => inWords(event));
      if (cards.size > 0) shown('telemetry', JSON.stringify(event));
      if (event.event !== 'attempt_started') return;
      attemptsBegun.set(event.idempotencyKey, (attemptsBegun.get(event.idempotencyKey) ?? 0) + 1);
      const shadow = byId.get(event.workflowId);
      const claim = shadow?.attempts.get(`${event.step}:${event.epoch}:${event.attempt}`);
      if (shadow === undefined || claim === undefined) {
        return report(`${event.step} began attempt ${event.attempt} without a claim`);
      }
      if (shadow.cancelledAt !== undefined && claim.loadedAt > shadow.cancelledAt) {
        report(`${event.step} makes a call, and its load began after the cancel was acknowledged`);
      }
    },
    called: (idempotencyKey) => {
      const left = attemptsBegun.get(idempotencyKey) ?? 0;
      if (left === 0) report(`a call was made under ${idempotencyKey} that belongs to no attempt`);
      attemptsBegun.set(idempotencyKey, left - 1);
    },
    acted: (idempotencyKey, result) => {
      const { workflowId, step } = partsOf(idempotencyKey);
      const shadow = byId.get(workflowId);
      if (shadow === undefined) return report(`a target acted for ${idempotencyKey}, which nobody knows`);
      for (const before of stepOf(shadow, step).after) {
        if (!isCompleted(shadow, before)) report(`${step} took effect before ${before} was saved`);
      }
      const effects = shadow.effects.get(step) ?? new Map<string, unknown>();
      // What is stored is what the schema makes of the reply.
      effects.set(idempotencyKey, stepOf(shadow, step).response?.parse(result) ?? result);
      shadow.effects.set(step, effects);
      if (effects.size > 1 + (shadow.forced.get(step) ?? 0)) {
        report(`${step} took effect ${effects.size} times, under ${[...effects.keys()].join(' and ')}`);
      }
    },
    notified: (notification) => {
      shown('a notification', JSON.stringify(notification));
      const shadow = byId.get(notification.workflowId);
      if (shadow?.toTell.has(notification.id) !== true)
        report(`on-call was told ${notification.id}, which is not so`);
      shadow?.told.add(notification.id);
    },
    accepted: (workflowId) => {
      const shadow = byId.get(workflowId);
      if (shadow === undefined) return report(`${workflowId} was answered 202 and is not in the table`);
      shadow.accepted = true;
    },
    cancelAcknowledged: (workflowId) => {
      const shadow = byId.get(workflowId);
      if (shadow !== undefined) shadow.cancelledAt ??= begun;
    },
    resumeAcknowledged: (workflowId) => {
      const shadow = byId.get(workflowId);
      if (shadow === undefined) return;
      shadow.resumed += 1;
      if (shadow.resumed > shadow.meta.epoch) report(`of ${shadow.resumed} resumes not all happened`);
    },
    shown,
    restarted: async (store) => {
      recovering = true;
      // What was being written when the last process died may be there, and nobody heard of it.
      for await (const key of store.unfinished()) {
        const state = workflows.has(keyOf(key)) ? undefined : await store.load(key);
        if (state !== undefined) metaWritten(state.meta);
      }
      for (const shadow of workflows.values()) await reread(store, shadow);
    },
    recovered: () => {
      recovering = false;
    },
    atRest: async (store, isAlarmed) => {
      for (const shadow of workflows.values()) {
        const alarmed = isAlarmed(shadow.meta.workflowId);
        for (const problem of endProblems(shadow, alarmed)) report(problem);
        await compare(store, shadow, report);
      }
    },
  };
}

/** An event with what tells it from others. */
function inWords(event: EngineEvent): string {
  const known = ['event', 'tenant', 'chain', 'workflowId'];
  const rest = Object.entries(event).filter(([name]) => !known.includes(name));
  const shown = rest.map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `  ${event.event}: ${shown.join(', ')}`;
}

/** What is wrong with a workflow once everything has come to rest. */
function endProblems(shadow: Shadow, alarmed: boolean): string[] {
  const { meta, chain, effects } = shadow;
  const problems: string[] = [];
  if (meta.status === 'processing') {
    if (!alarmed) problems.push(`${meta.workflowId} is still processing, and nothing tells of it`);
    return problems;
  }
  if (meta.dueAt !== undefined) problems.push(`a workflow that is ${meta.status} is left in the due index`);
  if (meta.notify !== undefined) problems.push('a notification is left pending');
  for (const id of shadow.toTell) {
    // A resume before on-call was told takes the reason away.
    if (!shadow.told.has(id) && id === `${meta.workflowId}:${meta.epoch}:${meta.status}`)
      problems.push(`on-call was never told ${id}`);
  }
  for (const { name } of chain.steps) {
    if (meta.status === 'completed' && (effects.get(name)?.size ?? 0) === 0) {
      problems.push(`the workflow is completed, and ${name} never took effect`);
    }
  }
  return problems;
}

/** The table must hold what its writes say. */
async function compare(store: Store, shadow: Shadow, report: (what: string) => void): Promise<void> {
  const problem = difference(await store.load(shadow.meta), shadow);
  if (problem !== undefined) report(`the table holds ${problem}`);
}

/** What tells a state from what the writes say; undefined if nothing does. */
export function difference(
  state: WorkflowState | undefined,
  shadow: Pick<Shadow, 'meta' | 'steps'>,
): string | undefined {
  const theirs = textOf(state);
  const ours = textOf(shadow);
  // Most are alike to the letter; the others may differ in the order of properties alone.
  if (theirs === ours || isDeepStrictEqual(JSON.parse(theirs), JSON.parse(ours))) return undefined;
  return `${theirs}, and its writes say ${ours}`;
}

/** As JSON, where a property that is undefined is none. */
const textOf = (state: Pick<WorkflowState, 'meta' | 'steps'> | undefined): string =>
  JSON.stringify(state === undefined ? null : [state.meta, [...state.steps.values()].sort(byStep)]);
const byStep = (a: StepRecord, b: StepRecord): number => (a.step < b.step ? -1 : 1);
