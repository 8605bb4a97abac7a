import { GetFunctionRecursionConfigCommand } from '@aws-sdk/client-lambda';
import { stepQueue } from '../../contract/names.ts';
import type { WorkflowAnswer } from '../../contract/wire.ts';
import { twenty } from '../chains.ts';
import {
  attemptsOf,
  type Check,
  ended,
  lookUntil,
  milliseconds,
  type Probe,
  startSeveral,
} from '../probe.ts';
import { counting, type Finding, failed, Overdue, passed, seconds, unknown } from '../report.ts';
import { functionOf } from '../upset.ts';

const WORKFLOWS = 5;
/** It starts a process for each function and each workflow that is there at a time, on one machine. */
const WORKFLOWS_ON_EMULATOR = 1;
/** Milliseconds. Twenty cold starts one after another take less than one minute. */
const DONE_WITHIN = 300_000;
/** Lambda's metrics come once a minute and are seen some minutes later. */
const METRICS_WITHIN = 420_000;
const METRICS_EVERY = 15_000;

/** What was seen of the chain and its functions. */
export interface RecursionSeen {
  readonly workflows: readonly WorkflowAnswer[];
  /** Functions whose recursion detection is not the default, which stops a loop. */
  readonly allowed: readonly string[];
  /** Functions of which CloudWatch has not yet as many invocations as there were. */
  readonly uncounted: readonly string[];
  readonly invocations: number;
  readonly dropped: number;
  readonly emulator: boolean;
}

/** @example judgeRecursion({ …, dropped: 3 }).verdict // 'failed' */
export function judgeRecursion(seen: RecursionSeen): Finding {
  const { workflows, allowed, uncounted, invocations, dropped } = seen;
  const steps = twenty.steps.length;
  const undone = workflows.filter(({ status }) => status !== 'completed');
  const attempts = workflows.reduce((sum, workflow) => sum + attemptsOf(workflow).length, 0);
  const longest = Math.max(...workflows.map(durationOf));
  const story = `${workflows.length - undone.length} of ${workflows.length} workflows of ${steps} steps completed, ${counting(attempts, 'attempt')}, the slowest in ${seconds(longest)}; ${invocations} invocations counted by CloudWatch, ${dropped} dropped as recursive`;
  if (undone.length > 0 || dropped > 0) {
    return failed(story, 'Keep chains below 16 steps in this region, and tell the authors.');
  }
  if (allowed.length > 0) {
    return unknown(
      `${story}; recursion detection is off for ${allowed.join(', ')}`,
      'Switch it on (aws lambda put-function-recursion-config --recursive-loop Terminate), and run it again.',
    );
  }
  if (uncounted.length > 0 || seen.emulator) {
    const why = seen.emulator
      ? 'an emulator counts no invocations by a queue, nor follows them from one queue to the next'
      : `CloudWatch has not yet counted ${uncounted.length} of the functions`;
    return unknown(`${story}; ${why}`, seen.emulator ? 'Run it on AWS.' : 'Run it again with --keep.');
  }
  return passed(`${story}; recursion detection is on for all ${steps} functions`);
}

const durationOf = ({ createdAt, updatedAt }: WorkflowAnswer): number =>
  milliseconds(updatedAt) - milliseconds(createdAt);

export const recursion: Check = {
  name: 'recursion',
  shows: `a chain of ${twenty.steps.length} steps is not stopped as a recursive loop`,
  run: async (probe) => {
    const since = Date.now();
    const functions = twenty.steps.map(({ name }) =>
      functionOf(probe, stepQueue({ chain: twenty.name, step: name })),
    );
    const allowed = await loopsAllowed(probe, functions);
    const ids = await startSeveral(
      probe,
      twenty,
      Array<object>(probe.emulator ? WORKFLOWS_ON_EMULATOR : WORKFLOWS).fill({}),
    );
    const workflows = await Promise.all(ids.map((id) => ended(probe, id, DONE_WITHIN)));
    const counts = await counted(probe, functions, since);
    const dropped = await probe.sums('RecursiveInvocationsDropped', functions, since);
    return judgeRecursion({
      workflows,
      allowed,
      uncounted: uncounted(functions, counts),
      invocations: total(counts),
      dropped: total(dropped),
      emulator: probe.emulator,
    });
  },
};

async function loopsAllowed({ lambda }: Probe, functions: readonly string[]): Promise<readonly string[]> {
  const configs = await Promise.all(
    functions.map(async (FunctionName) => {
      const { RecursiveLoop } = await lambda.send(new GetFunctionRecursionConfigCommand({ FunctionName }));
      return RecursiveLoop === 'Terminate' ? [] : [FunctionName];
    }),
  );
  return configs.flat();
}

const total = (sums: ReadonlyMap<string, number>): number =>
  [...sums.values()].reduce((all, one) => all + one, 0);

const uncounted = (functions: readonly string[], sums: ReadonlyMap<string, number>): readonly string[] =>
  functions.filter((name) => (sums.get(name) ?? 0) < WORKFLOWS);

/** Invocations once CloudWatch has them all, or what it has in the end. */
async function counted(
  probe: Probe,
  functions: readonly string[],
  since: number,
): Promise<ReadonlyMap<string, number>> {
  const look = () => probe.sums('Invocations', functions, since);
  if (probe.emulator) return look();
  let latest: ReadonlyMap<string, number> = new Map();
  const complete = async () => {
    latest = await look();
    return uncounted(functions, latest).length === 0 ? latest : undefined;
  };
  try {
    return await lookUntil(
      probe,
      METRICS_WITHIN,
      'CloudWatch counts the invocations',
      complete,
      METRICS_EVERY,
    );
  } catch (error) {
    if (error instanceof Overdue) return latest;
    throw error;
  }
}
