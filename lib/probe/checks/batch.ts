import { stepSettings } from '../../chain/settings.ts';
import type { WorkflowAnswer } from '../../contract/wire.ts';
import { batch as chain } from '../chains.ts';
import { type LoggedEvent, logged } from '../logs.ts';
import { attemptsOf, type Check, ended, lookUntil, notShown, startSeveral, wait } from '../probe.ts';
import { counting, type Finding, failed, passed, unknown } from '../report.ts';
import { functionOf, hurried, unfed, work } from '../upset.ts';

const [STEP] = chain.steps;
if (STEP === undefined) throw new Error('the chain has no steps');
const { functionTimeout, batchSize } = stepSettings(STEP);

/** Seconds: a little longer than the function may run. */
const HIDDEN = functionTimeout + 4;
/** Seconds after the others are done. */
const WATCHED_FOR = HIDDEN + 5;
/** Milliseconds after the mapping is on again, in which the message that fails is still to fail. */
const FAILS_FOR = 30_000;
const DONE_WITHIN = 300_000;
/** Milliseconds from a line's writing until CloudWatch shows it. */
const LOGS_WITHIN = 60_000;

export interface BatchSeen {
  readonly failing: WorkflowAnswer;
  readonly others: readonly WorkflowAnswer[];
  readonly events: readonly LoggedEvent[];
}

/** @example judgeBatch({ failing, others, events: [] }).verdict // 'could not be checked' */
export function judgeBatch({ failing, others, events }: BatchSeen): Finding {
  const first = firstAttempt(events, failing.workflowId);
  const besides = others.filter(({ workflowId }) => {
    const invocation = firstAttempt(events, workflowId)?.requestId;
    return invocation !== undefined && invocation === first?.requestId;
  });
  const again = besides.filter(({ workflowId }) => timesTaken(events, workflowId) > 1);
  const undone = [failing, ...others].filter(({ status }) => status !== 'completed');
  const story = `a message that failed shared its batch with ${besides.length} of ${others.length} others; ${again.length} of them came back within ${WATCHED_FOR} s; the one that failed took ${counting(attemptsOf(failing).length, 'attempt')}, ${others.length + 1 - undone.length} of ${others.length + 1} workflows completed`;
  if (undone.length > 0 || again.length > 0) {
    return failed(
      story,
      'Check that the mapping has ReportBatchItemFailures. SQS itself may deliver a message twice, so run it again.',
    );
  }
  if (besides.length === 0) return unknown(story, 'Run it again: the messages were received one by one.');
  if (attemptsOf(failing).length < 2) {
    return unknown(story, 'Run it again: its function started too late to fail.');
  }
  return passed(story);
}

const firstAttempt = (events: readonly LoggedEvent[], id: string): LoggedEvent | undefined =>
  events.find(({ event, workflowId }) => event === 'attempt_started' && workflowId === id);

/** A message of a step that is done is acknowledged, which is logged. */
const timesTaken = (events: readonly LoggedEvent[], id: string): number =>
  events.filter(
    ({ event, workflowId }) =>
      workflowId === id && (event === 'attempt_started' || event === 'message_ignored'),
  ).length;

export const batch: Check = {
  name: 'batch',
  shows: 'a message that fails does not bring back the others of its batch',
  run: async (probe) => {
    const queue = work(chain);
    const faster = await hurried(probe, queue, { visibilityTimeout: HIDDEN });
    return probe.changes.while(faster, async () => {
      const begun = Date.now();
      const ids = await probe.changes.while(await unfed(probe, queue), async () => {
        // Switching the mapping on takes about as long as switching it off.
        const failUntil = Date.now() + (Date.now() - begun) + FAILS_FOR;
        return startSeveral(probe, chain, [{ failUntil }, ...Array<object>(batchSize - 1).fill({})]);
      });
      const [failingId = '', ...otherIds] = ids;
      const others = await Promise.all(otherIds.map((id) => ended(probe, id, DONE_WITHIN)));
      const [failing] = await Promise.all([
        ended(probe, failingId, DONE_WITHIN),
        // What was not deleted is visible again by then.
        wait(probe, WATCHED_FOR * 1_000),
      ]);
      const name = functionOf(probe, queue);
      const events = await lookUntil(
        probe,
        LOGS_WITHIN,
        `the log of ${name} tells of all workflows`,
        async () => {
          const seen = await logged(probe, name, begun);
          return ids.every((id) => firstAttempt(seen, id) !== undefined) ? seen : undefined;
        },
        2_000,
        notShown,
      );
      return judgeBatch({ failing, others, events });
    });
  },
};
