import type { Statement } from '../../../lib/contract/wire.ts';
import { isInDoubt } from '../oracle/lookup/end.ts';
import { keyOfCall, stepOf } from '../oracle/shadow.ts';
import type { ClientsOptions } from './asking.ts';

/** What acts in its last moment is in the books by then, in milliseconds. */
const MARGIN_MS = 1_000;

/**
 * What a person says of a step in doubt who has looked into the books of its target: the truth, once no call can act any more. Undefined where
 * nobody looks, or nothing can be said yet.
 */
export function lookedUp(
  { chance, oracle, subject, time }: ClientsOptions,
  workflowId: string,
  step: string | undefined,
): Statement | undefined {
  const shadow = oracle.find(workflowId);
  if (subject.lookups === undefined || shadow === undefined || step === undefined) return undefined;
  const record = shadow.steps.get(step);
  if (record === undefined || record.status === 'running' || !isInDoubt(shadow, step)) return undefined;
  if (!chance.happens(0.8)) return undefined;
  const key = keyOfCall(shadow, { step, round: record.round });
  const acted = shadow.effects.get(step);
  const result = acted?.get(key);
  if (result !== undefined) {
    oracle.lookedUpByHand(workflowId, step, 'done');
    return { done: result };
  }
  const { lateBy } = stepOf(shadow, step);
  const until = (shadow.deadlines.get(key) ?? 0) + lateBy * 1_000 + MARGIN_MS;
  if (time.now() < until) return undefined;
  oracle.lookedUpByHand(workflowId, step, 'notDone');
  return { notDone: true };
}
