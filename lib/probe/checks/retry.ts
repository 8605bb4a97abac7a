import type { WorkflowAnswer } from '../../contract/wire.ts';
import { twenty } from '../chains.ts';
import { attemptsOf, type Check, lookUntil, milliseconds, type Probe, show, startSeveral } from '../probe.ts';
import { type Finding, failed, passed, seconds, unknown } from '../report.ts';

const WORKFLOWS = 3;
/** Milliseconds for which the first step fails, so that even a slow start leaves retries: they are up to 10 s apart. */
const FAILS_FOR = 30_000;
const DONE_WITHIN = 300_000;

/** A wait is in whole seconds; then the message is received, by a function that may have to start. Milliseconds. */
export const LATE_AT_MOST = 10_000;

/** A retry: when it was due, as the API said, and when it was made. */
export interface Retry {
  readonly due: number;
  readonly at: number;
}

/** @example judgeRetries([{ due: 1_000, at: 900 }]).verdict // 'failed' */
export function judgeRetries(retries: readonly Retry[]): Finding {
  if (retries.length === 0) {
    return unknown('no attempt that waited for its time was seen', 'Run it again.');
  }
  const late = retries.map(({ due, at }) => at - due).sort((a, b) => a - b);
  const [least = 0] = late;
  const most = late.at(-1) ?? 0;
  const story = `${retries.length} retries, ${seconds(least)} to ${seconds(most)} after they were due (at most ${seconds(LATE_AT_MOST)})`;
  if (least < 0) return failed(story, 'Compare the clocks in the functions’ logs, and tell the authors.');
  if (most > LATE_AT_MOST) {
    return failed(story, 'See Throttles and ConcurrentExecutions of the account in CloudWatch.');
  }
  return passed(story);
}

export const retry: Check = {
  name: 'retry',
  shows: 'a step that is to be tried again is tried when it is due',
  run: async (probe) => {
    const failUntil = Date.now() + FAILS_FOR;
    const ids = await startSeveral(probe, twenty, Array<object>(WORKFLOWS).fill({ failUntil }));
    return judgeRetries((await Promise.all(ids.map((id) => retriesOf(probe, id)))).flat());
  },
};

const [FIRST = ''] = twenty.steps.map(({ name }) => name);

/** Watches a workflow until its first step is done. */
async function retriesOf(probe: Probe, id: string): Promise<readonly Retry[]> {
  const dues = new Map<number, number>();
  const workflow = await lookUntil(probe, DONE_WITHIN, `the first step of ${id} completes`, async () => {
    const seen = await show(probe, id);
    const waiting = seen.retrying?.[FIRST];
    if (waiting !== undefined) dues.set(waiting.attempt, milliseconds(waiting.nextAttemptAt));
    return seen.steps[FIRST] === 'completed' ? seen : undefined;
  });
  return retriesIn(workflow, dues);
}

/** @param dues when the attempt after the one so numbered was due */
export const retriesIn = (workflow: WorkflowAnswer, dues: ReadonlyMap<number, number>): readonly Retry[] =>
  attemptsOf(workflow, FIRST).flatMap(({ attempt, startedAt }) => {
    const due = dues.get(attempt - 1);
    return due === undefined ? [] : [{ due, at: milliseconds(startedAt) }];
  });
