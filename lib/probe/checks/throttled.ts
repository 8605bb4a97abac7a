import { stepSettings } from '../../chain/settings.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { WorkflowAnswer } from '../../contract/wire.ts';
import { throttled as chain } from '../chains.ts';
import { type LoggedEvent, logged } from '../logs.ts';
import { attemptsOf, type Check, ended, lookUntil, type Probe, startSeveral } from '../probe.ts';
import { type Finding, failed, Overdue, passed, seconds, unknown } from '../report.ts';
import { functionOf, hurried, throttle, work } from '../upset.ts';

const WORKFLOWS = 3;
/** Receives until a message is given up, for the time of the check. */
const RECEIVES = 3;
const [STEP] = chain.steps;
if (STEP === undefined) throw new Error('the chain has no steps');
const SETTINGS = stepSettings(STEP);

/** Milliseconds: Lambda's pollers may hold back longer than the messages are hidden. */
const BACK_WITHIN = 3 * RECEIVES * SETTINGS.functionTimeout * 1_000 + 300_000;
/** Milliseconds: MiniStack 1.5.33 receives nothing for such a function (services/lambda_svc.py, _poll_sqs). */
const BACK_WITHIN_ON_EMULATOR = SETTINGS.functionTimeout * 1_000;
const DONE_WITHIN = 180_000;

export interface ThrottledSeen {
  readonly workflows: readonly WorkflowAnswer[];
  /** Milliseconds from the start until all messages had come back from the dead-letter queue; undefined: they had not. */
  readonly backAfter: number | undefined;
  /** Milliseconds for which no invocation was let through, after the start. */
  readonly throttledFor: number;
  /** Milliseconds from the end of the throttle until all workflows had ended. */
  readonly doneAfter: number;
  readonly emulator: boolean;
}

/** @example judgeThrottled({ …, workflows: [] }).verdict // 'could not be checked' */
export function judgeThrottled(seen: ThrottledSeen): Finding {
  const { workflows, backAfter, throttledFor, doneAfter, emulator } = seen;
  const done = workflows.filter(({ status }) => status === 'completed');
  const attempts = workflows.map((workflow) => attemptsOf(workflow).length);
  const burned =
    backAfter === undefined
      ? `no message came back from the dead-letter queue in the ${seconds(throttledFor)} of the throttle`
      : `${RECEIVES} receives of each message were used up, and it came back from the dead-letter queue, within ${seconds(backAfter)}`;
  const story = `${burned}; ${done.length} of ${workflows.length} workflows completed within ${seconds(doneAfter)} after the throttle, with ${attempts.join(', ')} attempts`;
  if (done.length < workflows.length || attempts.some((count) => count !== 1)) {
    return failed(
      story,
      'Run it again with --keep, and read the timeline and the step-failed function’s log.',
    );
  }
  if (emulator) {
    return unknown(
      `${story}; how a throttled function’s queue is received is the emulator’s own`,
      'Run it on AWS.',
    );
  }
  if (backAfter === undefined || workflows.length === 0) {
    return unknown(story, 'Lambda received less often than expected: run it again, and tell the authors.');
  }
  return passed(`${story}. ${outlasted(backAfter)}`);
}

/** What was measured, for the receives and the visibility timeout that are shipped. */
function outlasted(backAfter: number): string {
  const { maxReceiveCount, visibilityTimeout, functionTimeout } = SETTINGS;
  // Up to a minute of it was the wait for the reconciler, which moves the messages.
  const received = Math.max(0, backAfter - LIMITS.reconcileInterval * 1_000);
  const perReceive = (received / RECEIVES) * (visibilityTimeout / functionTimeout);
  const trips = LIMITS.trips + 1;
  const minutes = (trips * maxReceiveCount * perReceive) / 60_000;
  return `At that pace ${trips} × ${maxReceiveCount} receives, each hidden for ${visibilityTimeout} s as this step is shipped, outlast a throttle of ${Math.round(minutes)} minutes`;
}

export const throttled: Check = {
  name: 'throttled',
  shows:
    'a step whose function is throttled until its receives are used up is done once, and no attempt is counted',
  run: async (probe) => {
    const queue = work(chain);
    const name = functionOf(probe, queue);
    const faster = await hurried(probe, queue, {
      visibilityTimeout: SETTINGS.functionTimeout,
      maxReceiveCount: RECEIVES,
    });
    return probe.changes.while(faster, async () => {
      const { ids, backAfter, begun } = await probe.changes.while(throttle(probe, name), async () => {
        const since = Date.now();
        const started = await startSeveral(probe, chain, Array<object>(WORKFLOWS).fill({}));
        return { ids: started, backAfter: await allBackAfter(probe, started, since), begun: since };
      });
      const released = Date.now();
      const workflows = await Promise.all(ids.map((id) => ended(probe, id, DONE_WITHIN)));
      return judgeThrottled({
        workflows,
        backAfter,
        throttledFor: released - begun,
        doneAfter: Date.now() - released,
        emulator: probe.emulator,
      });
    });
  },
};

/** Milliseconds until the step-failed function had queued all of them again; undefined if it did not in time. */
async function allBackAfter(
  probe: Probe,
  ids: readonly string[],
  since: number,
): Promise<number | undefined> {
  const limit = probe.emulator ? BACK_WITHIN_ON_EMULATOR : BACK_WITHIN;
  const look = async () => {
    const events = await logged(probe, `${probe.prefix}step-failed`, since);
    const times = ids.map((id) => events.find((event) => isQueuedAgain(event, id))?.at ?? Number.NaN);
    const last = Math.max(...times);
    return Number.isNaN(last) ? undefined : last - since;
  };
  try {
    return await lookUntil(probe, limit, 'the messages come back', look, 2_000);
  } catch (error) {
    if (error instanceof Overdue) return undefined;
    throw error;
  }
}

const isQueuedAgain = ({ event, workflowId, did }: LoggedEvent, id: string): boolean =>
  event === 'dead_letter' && workflowId === id && did === 'queueAgain';
