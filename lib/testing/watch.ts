import { type WorkflowState, withRecord } from '../engine/state.ts';
import type { Witness } from './world/witness.ts';

/** Sees the one workflow of a test as it is in the table. */
export interface Watch extends Witness {
  /** Undefined until it was started. */
  readonly state: WorkflowState | undefined;
  /** How often anything of it was written. */
  readonly writes: number;
}

/** @param fail told of what may not happen */
export function createWatch(fail: (what: string) => void): Watch {
  let state: WorkflowState | undefined;
  let writes = 0;
  const listeners: (() => void)[] = [];
  const nothing = (): void => undefined;
  return {
    get state() {
      return state;
    },
    get writes() {
      return writes;
    },
    report: fail,
    nextDue: () => state?.meta.dueAt,
    onMeta: (changed) => {
      listeners.push(changed);
    },
    metaWritten: (written) => {
      state = { steps: new Map(), ...state, meta: written };
      writes += 1;
      for (const listener of listeners) listener();
    },
    stepWritten: (_, record) => {
      if (state !== undefined) state = withRecord(state, record);
      writes += 1;
    },
    loadBegins: () => 0,
    ...{ loaded: nothing, metaTried: nothing, stepTried: nothing, callEnded: nothing },
    ...{ paceWritten: nothing, sent: nothing, notified: nothing },
  };
}
