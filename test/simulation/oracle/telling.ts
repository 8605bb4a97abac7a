import { LIMITS } from '../../../lib/contract/limits.ts';
import type { Notification, Pace } from '../../../lib/engine/ports.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { countIn, harmful, type Problem, type Shadow } from './shadow.ts';

/** What on-call was told, and how quickly: by what was published and by the item that keeps the pace. */
export interface TellingWitness {
  /** What is wrong with a write of the pace that has just happened. */
  paceWritten(pace: Pace): Problem[];
  /** A process begins anew on what is left in the table. */
  restarted(pace: Pace | undefined): Problem[];
  /** What is wrong with a digest that was published. */
  published(digest: Notification): Problem[];
  /** What is wrong with marking a failure as told. */
  marked(meta: WorkflowMeta): Problem[];
  /** Milliseconds that a failure may have to wait until it is told, where nothing goes wrong. */
  patienceFor(meta: WorkflowMeta, failedAt: number, now: number): number;
}

interface SeenWindow {
  readonly group: string;
  readonly head: string;
  readonly at: number;
  readonly until: number;
}

const INTERVAL_MS = LIMITS.publishInterval * 1_000;
const GRACE_MS = LIMITS.digestGrace * 1_000;
const WINDOW_MS = LIMITS.digestWindow * 1_000;

/** What is told of a workflow: that it failed, also where it is taken back since; or that it could not be taken back. */
export const kindOf = ({ status }: Pick<WorkflowMeta, 'status'>): string =>
  status === 'compensation_failed' ? status : 'failed';

const idOf = ({ workflowId, epoch }: { workflowId: string; epoch: number }, kind: string): string =>
  `${workflowId}:${epoch}:${kind}`;
/** A compensation that failed is told at once, and with no other. */
const groupOf = (meta: WorkflowMeta): string => {
  const { chain, error, undoError } = meta;
  const kind = kindOf(meta);
  return kind === 'failed'
    ? `${chain}/${error?.step}/${error?.code}`
    : `${chain}/${undoError?.step}/${idOf(meta, kind)}`;
};

export function createTelling(find: (workflowId: string) => Shadow | undefined): TellingWitness {
  let pace: Pace | undefined;
  const windows: SeenWindow[] = [];
  /** Leaves to tell of a compensation, which open no window, and what was told so. */
  const alone = { leaves: 0, publishes: 0 };
  const opensNone = (next: Pace): boolean =>
    next.windows.every((window) =>
      pace?.windows.some(({ head, until }) => head === window.head && until === window.until),
    );
  /** Leaves to publish, and publishes, by the digest's id. */
  const leaves = new Map<string, number>();
  const publishes = new Map<string, number>();
  /** Failures that digests have told of, and those that were marked as told, by group. */
  const counted = new Map<string, number>();
  const marks = new Map<string, number>();

  const paceProblems = (next: Pace): string[] => {
    const opened = next.windows.at(-1);
    const at = next.nextAt - INTERVAL_MS;
    if (!opensNone(next) && opened?.until !== at + WINDOW_MS) return ['it opens no window of its length'];
    if (next.version !== (pace?.version ?? 0) + 1)
      return [`it is version ${next.version} after ${pace?.version}`];
    const problems: string[] = [];
    if (pace !== undefined && at < pace.nextAt)
      problems.push(`it publishes ${pace.nextAt - at} ms too early`);
    for (const before of pace?.windows ?? []) {
      const still = next.windows.find(({ group }) => group === before.group);
      const taken = still === undefined || still.head !== before.head;
      if (taken && before.until > at)
        problems.push(`the window of ${before.group} was taken from ${before.head}`);
    }
    return problems;
  };
  const note = (next: Pace): void => {
    const isAlone = opensNone(next);
    pace = next;
    const opened = isAlone ? undefined : next.windows.at(-1);
    const at = next.nextAt - INTERVAL_MS;
    if (opened === undefined) {
      alone.leaves += 1;
      windows.push({ group: '', head: '', until: at, at });
      return;
    }
    countIn(leaves, opened.head);
    windows.push({ ...opened, at });
  };
  const paceWritten = (next: Pace): Problem[] => {
    const problems = paceProblems(next).map((what) => harmful(`the pace of telling was broken: ${what}`));
    note(next);
    return problems;
  };

  return {
    paceWritten,
    restarted: (found) => {
      const [version, known] = [found?.version ?? 0, pace?.version ?? 0];
      // A write that was under way at its death may be on the disk.
      if (found !== undefined && version === known + 1) return paceWritten(found);
      return version === known ? [] : [harmful(`the pace was at version ${known}, and ${version} is left`)];
    },
    published: (digest) => {
      const { id, chain, step, code, count, examples } = digest;
      const problems: string[] = [];
      const kind = id.split(':').at(-1) ?? '';
      const isAlone = kind !== 'failed';
      if (isAlone) alone.publishes += 1;
      else countIn(publishes, id);
      const hasTurn = isAlone
        ? alone.publishes <= alone.leaves
        : (publishes.get(id) ?? 0) <= (leaves.get(id) ?? 0);
      if (!hasTurn) problems.push('nobody had taken its turn');
      if (isAlone && count !== 1) problems.push(`it tells of ${count}`);
      if (examples[0] === undefined || idOf(examples[0], kind) !== id)
        problems.push('it is not named after its first');
      if (examples.length !== Math.min(count, LIMITS.digestExamples))
        problems.push(`it counts ${count} and names ${examples.length}`);
      for (const example of examples) {
        const shadow = find(example.workflowId);
        const of = idOf(example, kind);
        if (shadow?.toTell.has(of) !== true) problems.push(`${of} has not failed`);
        const { error } = example;
        if (error.step !== step || error.code !== code) problems.push(`${of} failed by ${error.code}`);
      }
      const group = `${chain}/${step}/${isAlone ? id : code}`;
      counted.set(group, (counted.get(group) ?? 0) + count);
      return problems.map((what) => harmful(`on-call was told ${id}: ${what}`));
    },
    marked: (meta) => {
      const group = groupOf(meta);
      countIn(marks, group);
      return (marks.get(group) ?? 0) <= (counted.get(group) ?? 0)
        ? []
        : [harmful(`${idOf(meta, kindOf(meta))} counts as told, and no digest told of it`)];
    },
    patienceFor: (meta, failedAt, now) => {
      const others = windows.filter(({ head, at }) => head !== idOf(meta, kindOf(meta)) && at <= now);
      const closed = others.some(
        ({ group, until }) => group === groupOf(meta) && until + GRACE_MS > failedAt,
      );
      const before = others.filter(({ at }) => at > failedAt - LIMITS.publishPatience * 1_000);
      const turns = before.length * INTERVAL_MS;
      return closed ? turns + WINDOW_MS + 2 * LIMITS.reconcileInterval * 1_000 : turns;
    },
  };
}
