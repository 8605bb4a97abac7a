import { stepSettings } from '../../chain/settings.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { WorkflowAnswer } from '../../contract/wire.ts';
import { twenty } from '../chains.ts';
import { attemptsOf, type Check, lookUntil, milliseconds, show, start } from '../probe.ts';
import { counting, type Finding, failed, passed, seconds, unknown } from '../report.ts';
import { LATE_AT_MOST } from './retry.ts';

const [FIRST] = twenty.steps;
if (FIRST === undefined) throw new Error('the chain has no steps');
const { functionTimeout, visibilityTimeout } = stepSettings(FIRST);

/** Milliseconds from one claim to the next: not while the first one's lease lives. */
export const LEASE = (functionTimeout + LIMITS.leaseMargin) * 1_000;
export const VISIBILITY = visibilityTimeout * 1_000;

/** Milliseconds: past the end of a function that starts late, and over when the message comes back. */
const BLOCKS_FOR = VISIBILITY - 30_000;

/** @example judgeKilled(workflow).verdict // 'passed' */
export function judgeKilled(workflow: WorkflowAnswer): Finding {
  const [first, second, ...more] = attemptsOf(workflow, FIRST?.name);
  if (first === undefined || second === undefined) {
    return unknown(
      `attempts of the step: ${attemptsOf(workflow, FIRST?.name).length}; no function was ended at its timeout`,
      'Run it again.',
    );
  }
  const gap = milliseconds(second.startedAt) - milliseconds(first.startedAt);
  const story = `the function was ended at its timeout of ${functionTimeout} s; the step was tried again ${seconds(gap)} after the attempt that died (visibility timeout ${seconds(VISIBILITY)}, lease ${seconds(LEASE)}), ${counting(more.length + 2, 'attempt')}`;
  if (second.outcome !== 'completed' || more.length > 0) {
    return failed(story, 'Run it again with --keep, and read the timeline of the workflow.');
  }
  if (gap < LEASE) return failed(story, 'Two workers may have been at work at once: tell the authors.');
  if (gap > VISIBILITY + LATE_AT_MOST) {
    return failed(story, 'See Throttles and ConcurrentExecutions of the account in CloudWatch.');
  }
  return passed(story);
}

export const killed: Check = {
  name: 'killed',
  shows: 'a step whose function dies at its timeout is tried again once its message is visible',
  run: async (probe) => {
    const id = await start(probe, twenty, { blockUntil: Date.now() + BLOCKS_FOR });
    const limit = VISIBILITY + 120_000;
    const workflow = await lookUntil(probe, limit, `the first step of ${id} completes`, async () => {
      const seen = await show(probe, id);
      return FIRST !== undefined && seen.steps[FIRST.name] === 'completed' ? seen : undefined;
    });
    return judgeKilled(workflow);
  },
};
