import type { MetaExpectation, StepExpectation } from '../../engine/ports.ts';
import { recordsOf, type StepRecord, type WorkflowMeta } from '../../engine/state.ts';
import type { Entry } from './cache.ts';
import { copyMeta, copyStep } from './copies.ts';
import type { Operation } from './group-commit.ts';
import type { Indexes } from './indexes.ts';
import { META, stepItem } from './keys.ts';

/** How an item changes: what it is now, whether it may be changed, and what is written with it. */
export interface Change<Item> {
  readonly item: string;
  readonly record: Item;
  current(entry: Entry): Item | undefined;
  holds(current: Item | undefined): boolean;
  copy(current: Item): Item;
  apply(entry: Entry): readonly Operation[];
  readonly claim?: Claim;
}

/** What is to be known of a change by which a step is claimed. */
interface Claim {
  readonly step: string;
  /** Whether it may be lost with the process. Asked before it is applied. */
  mayBeLost(entry: Entry): boolean;
}

export const metaCreated = (indexes: Indexes, meta: WorkflowMeta): Change<WorkflowMeta> =>
  metaChange(indexes, meta, (current) => current === undefined);

export const metaChanged = (
  indexes: Indexes,
  meta: WorkflowMeta,
  expected: MetaExpectation,
): Change<WorkflowMeta> =>
  metaChange(
    indexes,
    meta,
    (current) =>
      current !== undefined &&
      current.status === expected.status &&
      current.epoch === expected.epoch &&
      (expected.dueAt === undefined || current.dueAt === expected.dueAt),
  );

const metaChange = (
  indexes: Indexes,
  meta: WorkflowMeta,
  holds: (current: WorkflowMeta | undefined) => boolean,
): Change<WorkflowMeta> => ({
  item: META,
  record: meta,
  current: (entry) => entry.meta,
  holds,
  copy: copyMeta,
  apply: (entry) => {
    const changes = indexes.changes(entry.meta, meta);
    entry.meta = copyMeta(meta);
    return changes;
  },
});

export const stepChanged = (record: StepRecord, expected: StepExpectation): Change<StepRecord> => ({
  item: stepItem(record),
  record,
  current: (entry) => recordsOf(entry, record.action ?? 'do').get(record.step),
  holds: (current) =>
    'absent' in expected
      ? current === undefined
      : current?.status === expected.status && current.token === expected.token,
  copy: copyStep,
  apply: (entry) => {
    keepStep(entry, copyStep(record));
    return [];
  },
  ...(record.status === 'running' ? { claim: claimOf(record) } : {}),
});

export function keepStep(entry: Entry, record: StepRecord): void {
  if (record.action === undefined) {
    entry.steps.set(record.step, record);
    return;
  }
  const kind = record.action === 'undo' ? 'undos' : 'lookups';
  entry[kind] ??= new Map();
  entry[kind].set(record.step, record);
}

/**
 * Recovery makes good the loss of a claim by counting one more open attempt of every ready step: where META is `processing`
 * on disk, and in the round that the item has there. The call of any other claim, as that of an undo, must find it on disk.
 */
const claimOf = ({ step, action, epoch, round }: StepRecord): Claim => ({
  step,
  mayBeLost: ({ meta, steps }) =>
    action === undefined &&
    meta?.status === 'processing' &&
    meta.epoch === epoch &&
    (steps.get(step)?.round ?? 0) === round,
});
