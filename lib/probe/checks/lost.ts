import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { healthyAttempt, roots } from '../../chain/graph.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { WorkflowAnswer } from '../../contract/wire.ts';
import { lost as chain } from '../chains.ts';
import { logged } from '../logs.ts';
import {
  attemptsOf,
  type Check,
  ended,
  lookUntil,
  milliseconds,
  notShown,
  type Probe,
  start,
} from '../probe.ts';
import { counting, type Finding, failed, passed, seconds, unknown } from '../report.ts';
import { unfed, urlOf, work } from '../upset.ts';

/** Milliseconds: the first step's attempt, then the reconciler's next run, with some seconds for that run. */
export const REPAIRED_WITHIN =
  (Math.max(...roots(chain).map(healthyAttempt)) + LIMITS.reconcileInterval + 10) * 1_000;
const DONE_WITHIN = REPAIRED_WITHIN + 180_000;
const LOGS_WITHIN = 60_000;
/** Seconds: SQS's most for one receive. */
const LONG_POLL = 20;
const RECEIVES = 6;

export interface LostSeen {
  readonly workflow: WorkflowAnswer;
  /** When the reconciler logged its repair; undefined where it logged none. */
  readonly repairedAt: number | undefined;
}

/** @example judgeLost({ workflow, repairedAt: undefined }).verdict // 'failed' */
export function judgeLost({ workflow, repairedAt }: LostSeen): Finding {
  const after = (repairedAt ?? Number.NaN) - milliseconds(workflow.createdAt);
  const story = `the message was deleted; the reconciler sent it again ${seconds(after)} after the start (bound ${seconds(REPAIRED_WITHIN)}), and the workflow is ${workflow.status} with ${counting(attemptsOf(workflow).length, 'attempt')}`;
  if (workflow.status !== 'completed' || !(after <= REPAIRED_WITHIN)) {
    return failed(story, 'See the reconciler in docs/runbook.md: its log, its schedule, its alarms.');
  }
  return passed(story);
}

export const lost: Check = {
  name: 'lost',
  shows: 'a message that is lost is sent again by the reconciler',
  run: async (probe) => {
    const queue = work(chain);
    const since = Date.now();
    const { id, taken } = await probe.changes.while(await unfed(probe, queue), async () => {
      const started = await start(probe, chain);
      return { id: started, taken: await takeAway(probe, await urlOf(probe, queue), started) };
    });
    if (!taken) return unknown(`the message of ${id} was not received here`, 'Run it again.');
    const workflow = await ended(probe, id, DONE_WITHIN);
    const repairedAt = await lookUntil(
      probe,
      LOGS_WITHIN,
      `the reconciler tells of its repair of ${id}`,
      async () =>
        (await logged(probe, `${probe.prefix}reconciler`, since)).find(
          ({ event, workflowId }) => event === 'repaired' && workflowId === id,
        )?.at,
      2_000,
      notShown,
    );
    return judgeLost({ workflow, repairedAt });
  },
};

/** Receives and deletes the workflow's message. */
async function takeAway({ sqs, signal }: Probe, QueueUrl: string, id: string): Promise<boolean> {
  for (let receives = 0; receives < RECEIVES; receives += 1) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: LONG_POLL, MaxNumberOfMessages: 10 }),
      { abortSignal: signal },
    );
    for (const { Body = '', ReceiptHandle } of Messages) {
      if (!Body.includes(id)) continue;
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      return true;
    }
  }
  return false;
}
