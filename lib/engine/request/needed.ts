import type { StepError } from '../../contract/wire.ts';
import type { MessageDecision, Moment, Place } from '../decision.ts';
import { excerpt } from '../mask.ts';
import { thrownText } from '../reply/thrown.ts';
import { frozenRemedy } from '../sensitive/frozen.ts';
import { looking, type SeenBy } from './seen.ts';

/**
 * A step says whether it is needed before it is claimed for the first time: the claim, or what is saved in its place. What throws then has
 * surely done nothing.
 */
export function ifNeeded(
  decision: MessageDecision,
  { now, token }: Pick<Moment, 'now' | 'token'>,
  seenBy: SeenBy,
): MessageDecision {
  if (decision.do !== 'claim') return decision;
  const { at, claim } = decision;
  const { before, expected } = claim;
  // A claim that was lost with a process left no outcome: it was made because the step was needed, and asking again says so again.
  const isAsked = at.action === 'undo' || (before.status !== 'pending' && before.attempts.length > 0);
  if (isAsked || at.step.when === undefined) return decision;
  const needed = ask(at, seenBy);
  if (needed === true) return decision;
  const { error: _, ...kept } = before;
  const record = { ...kept, epoch: at.state.meta.epoch, token, updatedAt: now };
  if (needed === false) {
    return { do: 'skip', at, record: { ...record, status: 'skipped', completedAt: now }, expected };
  }
  return { do: 'saveNotAsked', at, record: { ...record, status: 'failed', error: needed }, expected };
}

/** Whether a step says that it is not needed. */
export const isNotNeeded = (at: Place): boolean => at.step.when !== undefined && ask(at, looking()) === false;

/** What `when` says; what is wrong with that, where it throws or says neither yes nor no. */
function ask(at: Place, seenBy: SeenBy): boolean | StepError {
  const { context, secrets } = seenBy(at);
  let said: unknown;
  try {
    said = at.step.when?.(context);
  } catch (error) {
    return notAsked(excerpt(`when threw: ${thrownText(error)}${frozenRemedy(error)}`, secrets()));
  }
  if (typeof said === 'boolean') return said;
  return notAsked(`when returned ${said instanceof Promise ? 'a promise' : typeof said}, not true or false`);
}

const notAsked = (detail: string): StepError => ({
  code: 'REQUEST_INVALID',
  message: 'it could not be found out whether the step is needed',
  detail,
  effect: 'none',
  next: 'Correct the when function of the step, and deploy.',
});
