import { isDeepStrictEqual } from 'node:util';
import type { Store } from '../../../lib/engine/ports.ts';
import { recordsOf, type StepRecord, type WorkflowMeta } from '../../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import { type Deed, keyOf, recordsIn, type Shadow } from './shadow.ts';

export interface RestoreOptions {
  readonly workflows: ReadonlyMap<string, Shadow>;
  readonly report: (what: string) => void;
  readonly metaWritten: (meta: WorkflowMeta) => void;
  readonly putStep: (shadow: Shadow, deed: Deed, record: StepRecord | undefined) => void;
}

/** Takes what is left in the table after a kill for what is so: what a process had in memory alone went with it. */
export function createRestore({ workflows, report, metaWritten, putStep }: RestoreOptions) {
  const reread = async (store: Store, shadow: Shadow): Promise<void> => {
    const state = await store.load(shadow.meta);
    if (state === undefined) return report(`${shadow.meta.workflowId} was saved and is gone`);
    if (!isDeepStrictEqual(state.meta, shadow.meta)) metaWritten(state.meta);
    for (const { name, after } of shadow.chain.steps) {
      const record = state.steps.get(name);
      putStep(shadow, { step: name }, record);
      for (const action of ['undo', 'lookup'] as const) {
        const one = recordsOf(state, action).get(name);
        const deed = { step: name, action };
        if (one !== undefined || recordsIn(shadow, deed).has(name)) putStep(shadow, deed, one);
      }
      const acted = (shadow.effects.get(name)?.size ?? 0) > 0;
      for (const before of acted ? after : []) {
        if (state.steps.get(before)?.status !== 'completed')
          report(`${name} took effect, and the result of ${before} is gone`);
      }
    }
  };
  return async (store: EmbeddedStore): Promise<void> => {
    // What was being written when the last process died may be there, and nobody heard of it.
    for await (const key of store.unfinished()) {
      const state = workflows.has(keyOf(key)) ? undefined : await store.load(key);
      if (state !== undefined) metaWritten(state.meta);
    }
    for (const shadow of workflows.values()) await reread(store, shadow);
  };
}
