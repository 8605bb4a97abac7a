import type { WorkflowKey } from '../../engine/state.ts';
import type { Place, RunningFile, RunningStep } from './files/running.ts';

/** A step that was running when an earlier life of the process ended. */
export interface Suspect extends WorkflowKey {
  readonly step: string;
  /** The life ended by this attempt: it counts. */
  readonly counts: boolean;
}

/** An attempt that is under way. */
export interface RunningAttempt {
  /** The process is about to end, and it is this attempt's doing. */
  blame(): void;
  end(): void;
}

/** Which attempts run, for the next life of the process. */
export interface Attempts {
  /** What was running when an earlier life ended, and has not begun again. */
  readonly suspects: readonly Suspect[];
  begin(step: RunningStep): RunningAttempt;
  /** Somebody told the process to end: should it be killed because that takes too long, no attempt is to blame. */
  forgive(): void;
  /** What counted was counted; what waits for its turn is still known, should this life end too. */
  settled(): void;
}

/** Of a store in memory: nothing is left of it. */
export const NO_ATTEMPTS: Attempts = {
  suspects: [],
  begin: () => ({ blame: () => undefined, end: () => undefined }),
  forgive: () => undefined,
  settled: () => undefined,
};

/**
 * An attempt counts if it is to blame for the end of its life, or if it was the only one in it and had been begun alone, after a life that
 * ended with several: so a kill counts nothing, unless it comes at such a time.
 */
export function createAttempts({ left, take }: Pick<RunningFile, 'left' | 'take'>): Attempts {
  const ran = left.filter(({ state }) => state !== 'waits');
  const lonely = ran.length === 1 && ran[0]?.state === 'alone';
  const waiting = new Map<string, Place>();
  const suspects: Suspect[] = [];
  for (const { place, state, ...step } of left) {
    const name = nameOf(step);
    // Its own place, and that of its turn: one is enough.
    if (waiting.has(name)) place.free();
    else waiting.set(name, place);
    const counts = state === 'blamed' || (state === 'alone' && lonely);
    const known = suspects.findIndex((one) => nameOf(one) === name);
    if (known === -1) suspects.push({ ...step, counts });
    else if (counts) suspects[known] = { ...step, counts };
  }
  const running = new Set<Place>();
  let forgiven = false;
  return {
    // One that ended a life comes last: those beside it are to have their turn.
    suspects: suspects.sort((a, b) => Number(a.counts) - Number(b.counts)),
    forgive: () => {
      forgiven = true;
      for (const place of running) place.become('running');
    },
    settled: () => {
      for (const place of waiting.values()) place.become('waits');
    },
    begin: (step) => {
      const mine = waiting.get(nameOf(step));
      waiting.delete(nameOf(step));
      const isAlone = mine !== undefined && running.size === 0 && !forgiven;
      const place = mine ?? take(step, 'running');
      running.add(place);
      if (mine !== undefined) place.become(isAlone ? 'alone' : 'running');
      let ended = false;
      return {
        // Once its outcome is saved there is nothing to count.
        blame: () => {
          if (!ended) place.become('blamed');
        },
        end: () => {
          ended = true;
          running.delete(place);
          place.free();
        },
      };
    },
  };
}

const nameOf = ({ tenant, workflowId, step }: RunningStep): string => `${tenant} ${workflowId} ${step}`;
