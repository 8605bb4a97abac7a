import { shardOf } from '../../../lib/contract/table.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import { difference } from './end.ts';
import type { Oracle } from './oracle.ts';
import type { Shadow } from './shadow.ts';

const writesOf = ({ costs }: Shadow): number => costs.stepWrites + costs.metaWrites;

/**
 * A store whose answers are held to what was written: what it finds while nothing is written must be what the writes say.
 * @param shortPages how many queries have been answered with less than they asked for
 */
export function checkedStore(store: Store, oracle: Oracle, shortPages: () => number): Store {
  const written = (): number =>
    [...oracle.workflows.values()].reduce((sum, shadow) => sum + writesOf(shadow), 0);
  return {
    ...store,
    load: async (key) => {
      const before = oracle.find(key.workflowId);
      const writes = before && writesOf(before);
      const state = await store.load(key);
      const shadow = oracle.find(key.workflowId);
      if ((shadow && writesOf(shadow)) !== writes) return state;
      const problem = shadow === undefined ? state && 'what nobody wrote' : difference(state, shadow);
      if (problem !== undefined) oracle.report(`a load found ${problem}`);
      return state;
    },
    list: async (filter) => {
      const writes = written();
      const page = await store.list(filter);
      if (written() !== writes) return page;
      const { tenant, chain, status } = filter;
      const ours = [...oracle.workflows.values()]
        .map(({ meta }) => meta)
        .filter((meta) => meta.tenant === tenant && (chain ?? meta.chain) === meta.chain)
        .filter((meta) => (status ?? meta.status) === meta.status);
      const known = new Map(ours.map((meta) => [meta.workflowId, meta]));
      for (const { workflowId, ...listed } of page.workflows) {
        const meta = known.get(workflowId);
        known.delete(workflowId);
        if (meta?.status !== listed.status)
          oracle.report(`a listing shows ${workflowId} as ${listed.status}`);
      }
      const isAll = filter.after === undefined && page.next === undefined;
      if (isAll && known.size > 0) oracle.report(`a listing leaves out ${[...known.keys()].join(', ')}`);
      return page;
    },
    listDue: async (shard, now, limit) => {
      const [writes, short] = [written(), shortPages()];
      const due = await store.listDue(shard, now, limit);
      if (written() !== writes) return due;
      for (const { workflowId, dueAt } of due) {
        const ours = oracle.find(workflowId)?.meta.dueAt;
        if (ours !== dueAt || dueAt > now)
          oracle.report(`${workflowId} is listed as due at ${dueAt}, not ${ours}`);
      }
      if (shortPages() !== short) return due;
      const listed = new Set(due.map(({ workflowId }) => workflowId));
      for (const { meta } of oracle.workflows.values()) {
        const isDue = meta.dueAt !== undefined && meta.dueAt <= now && shardOf(meta.workflowId) === shard;
        if (isDue && listed.size < limit && !listed.has(meta.workflowId)) {
          oracle.report(`${meta.workflowId} is due and not listed`);
        }
      }
      return due;
    },
  };
}
