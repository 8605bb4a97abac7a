import type { ChainDefinition } from '../../chain/definition.ts';
import { descendants } from '../../chain/graph.ts';
import type { StepMessage } from '../../contract/wire.ts';
import {
  begin,
  exactly,
  isExpiring,
  isReady,
  type MessageDecision,
  type Moment,
  notBefore,
  type Place,
  placeOf,
} from '../decision.ts';
import { decideLookup } from '../lookup/decide.ts';
import type { WorkflowState } from '../state.ts';
import { lateUntil } from './doubt.ts';
import { pivotIs, settledPivot } from './pivot.ts';
import { undoing } from './undoing.ts';
import { askingBeforeUndo, closed, isClosed, isLive, isUndoUnsure, overSteps, undoOf } from './words.ts';

/**
 * What a worker does with a message of a workflow that is `compensating` (docs/architecture.md, "Undo"): whatever the message asks, META
 * decides. Rows from top to bottom; the first that fits decides.
 */
export function decideUndo(
  known: ChainDefinition | undefined,
  loaded: WorkflowState,
  message: StepMessage,
  moment: Moment,
): MessageDecision {
  const place = placeOf(known, loaded, message);
  if ('do' in place) return place;
  const { chain, step, state } = place;
  const { now } = moment;
  const { meta } = state;
  const undo = undoOf(state, step.name);
  const at = { chain, step, state, action: 'undo' } as const;
  if (message.epoch < meta.epoch && undo?.status !== 'retrying') {
    return { do: 'acknowledge', because: 'the message is of an older epoch' };
  }
  if (pivotIs('past', chain, state, now) !== undefined) return { do: 'repeatDeadLetter', at };
  const pivot = state.steps.get(pivotIs('unsettled', chain, state, now)?.name ?? '');
  if (pivot !== undefined) {
    const settled = settledPivot(state, pivot, now, moment.token);
    return { do: 'settle', at, records: [{ record: settled, expected: exactly(pivot) }] };
  }
  const asked = pivotIs('asked', chain, state, now);
  if (asked !== undefined) return asked.name === step.name ? lookUp(at, moment) : { do: 'advance', at };
  const over = overSteps(chain, state, now);
  if (over.has(step.name)) return { do: 'advance', at };
  if (undo?.status === 'failed' && undo.epoch === meta.epoch) return { do: 'repeatDeadLetter', at };
  // Its steps expire before it does: nothing is closed that was done.
  if (isExpiring(meta, now)) return { do: 'repeatDeadLetter', at };
  const behind = descendants(chain, step.name);
  const idle = chain.steps.filter(
    (one) =>
      (one.name === step.name || behind.has(one.name)) &&
      isReady(state, one) &&
      !isClosed(state, one.name) &&
      !isLive(state.steps.get(one.name), now),
  );
  if (idle.length > 0) {
    const records = idle.map(({ name }) => ({
      record: closed(state, name, now, moment.token),
      expected: exactly(state.steps.get(name)),
    }));
    return { do: 'settle', at, records };
  }
  const record = state.steps.get(step.name);
  const leased = record?.status === 'running' ? notBefore(record, now) : undefined;
  if (leased !== undefined) return { do: 'hold', until: leased };
  if (chain.steps.some(({ name }) => behind.has(name) && !over.has(name))) return { do: 'advance', at };
  const waitsUntil = lateUntil(state, step, now) ?? notBefore(undo, now);
  if (waitsUntil !== undefined) return { do: 'hold', until: waitsUntil };
  if (askingBeforeUndo(state, step, now) !== 'no') return lookUp(at, moment);
  if (isUndoUnsure(state, step)) return { do: 'repeatDeadLetter', at };
  return begin({ ...at, step: undoing(step) }, moment);
}

/** Asks late enough: what is answered before a call must have ended could only say that it acted. */
function lookUp(at: Place, moment: Moment): MessageDecision {
  const late = lateUntil(at.state, at.step, moment.now);
  if (late !== undefined) return { do: 'hold', until: late };
  return decideLookup(at, 'undo', moment) ?? { do: 'repeatDeadLetter', at };
}
