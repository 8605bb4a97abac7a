import { LIMITS } from '../../../../lib/contract/limits.ts';
import type { CallsUnderWay } from '../calls.ts';
import { deniedProblems } from '../lookup/answered.ts';
import {
  callOf,
  deedOf,
  isCompleted,
  keyOfCall,
  partsOf,
  recordsIn,
  type Shadow,
  stepOf,
} from '../shadow.ts';
import { lateEffectProblems, undoEffectProblems } from '../undo.ts';
import type { Ledger } from './ledger.ts';

/** What targets do, and what people find done or undo by hand. */
export interface Effects {
  /** A target acts, for the first time under this key. @param calledAt when the call was made by which it does */
  acted(idempotencyKey: string, result: unknown, calledAt: number): void;
  /** The same of an undo. @param undoneKey the key whose effect it takes back */
  undid(idempotencyKey: string, undoneKey: string, calledAt: number): void;
  /** A person takes back by hand what a step did, and is about to say so. */
  undidByHand(workflowId: string, step: string): void;
  /** A person has looked at the target of a step, and is about to say what became of its call. */
  lookedUpByHand(workflowId: string, step: string, word: 'done' | 'notDone'): void;
  /** A target is sent another request under a key that it knows. */
  sentAnother(idempotencyKey: string, before: string, now: string): void;
}

const LEASE_MARGIN_MS = LIMITS.leaseMargin * 1_000;

export function createEffects({ find, report, skewMs }: Ledger, calls: CallsUnderWay): Effects {
  /** What a target did under a key, be it a step or its undo. */
  const tookEffect = (idempotencyKey: string, result: unknown, calledAt: number): Shadow | undefined => {
    const { workflowId, ...of } = partsOf(idempotencyKey);
    const shadow = find(workflowId);
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
    // A call that outlived its lease may act when a lookup has said that none does.
    const counted = [...effects.keys()].filter((key) => !shadow.denied.has(key) || !shadow.stale.has(key));
    if (counted.length > 1 + (shadow.newKeys.get(deed) ?? 0))
      report(`${deed} took effect ${counted.length} times, under ${counted.join(' and ')}`);
    if (calledAt < (shadow.unused.get(idempotencyKey) ?? 0))
      report(`${deed} took effect under ${idempotencyKey}, and was said to have none`);
    return shadow;
  };

  return {
    acted: (idempotencyKey, result, calledAt) => {
      const { step, workflowId } = partsOf(idempotencyKey);
      // A promise holds for functions that end by their lease, by clocks that agree about when that is.
      const isStale = skewMs() > LEASE_MARGIN_MS || calls.isStale(idempotencyKey, calledAt);
      if (isStale) find(workflowId)?.stale.add(idempotencyKey);
      const shadow = tookEffect(idempotencyKey, result, calledAt);
      if (shadow === undefined || isStale) return;
      for (const what of lateEffectProblems(shadow, step, idempotencyKey)) report(what);
      for (const what of deniedProblems(shadow, idempotencyKey)) report(what);
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
      const shadow = find(workflowId);
      if (shadow === undefined) return;
      shadow.saidUndone.add(step);
      for (const key of shadow.effects.get(step)?.keys() ?? []) shadow.undone.add(key);
    },
    lookedUpByHand: (workflowId, step, word) => {
      const shadow = find(workflowId);
      const { round } = shadow?.steps.get(step) ?? { round: 0 };
      shadow?.said.add(`${word} ${keyOfCall(shadow, { step, round })}`);
    },
    sentAnother: (idempotencyKey, before, sent) => {
      const { workflowId, ...deed } = partsOf(idempotencyKey);
      const shadow = find(workflowId);
      const token = shadow && recordsIn(shadow, deed).get(deed.step)?.token;
      const claim = shadow?.claims.get(token ?? '')?.before;
      // A claim that was in memory alone went with its process, and what it sent with it.
      if (claim !== undefined && claim.open > 0 && claim.sentHash === undefined) return;
      report(`${deedOf(deed)} sends ${sent} under ${idempotencyKey}, and sent ${before} before`);
    },
  };
}
