import { type Attempts, createAttempts } from '../../../lib/local/store/attempts.ts';
import type { Place, RunningState, RunningStep } from '../../../lib/local/store/files/running.ts';

interface Slot {
  readonly step: RunningStep;
  state: RunningState;
}

/** What one life of the process knows of attempts that run. */
export interface RunningOfLife {
  readonly attempts: Attempts;
  /** Steps that are called now, as `<workflowId>:<step>`. */
  readonly called: ReadonlySet<string>;
}

export const nameOf = ({ workflowId, step }: Pick<RunningStep, 'workflowId' | 'step'>): string =>
  `${workflowId}:${step}`;

/** The file in which a process notes which attempts run: it outlives the process, and nothing of it is ever lost. */
export function createRunningSteps(): (isDead: () => boolean) => RunningOfLife {
  const slots = new Set<Slot>();
  return (isDead) => {
    const placeOf = (slot: Slot): Place => ({
      become: (state) => {
        if (!isDead()) slot.state = state;
      },
      free: () => {
        if (!isDead()) slots.delete(slot);
      },
    });
    const attempts = createAttempts({
      left: [...slots].map((slot) => ({ ...slot.step, state: slot.state, place: placeOf(slot) })),
      take: (step, state) => {
        const slot = { step, state };
        slots.add(slot);
        return placeOf(slot);
      },
    });
    const called = new Set<string>();
    return {
      called,
      attempts: {
        ...attempts,
        begin: (step) => {
          const attempt = attempts.begin(step);
          called.add(nameOf(step));
          return {
            ...attempt,
            end: () => {
              called.delete(nameOf(step));
              attempt.end();
            },
          };
        },
      },
    };
  };
}
