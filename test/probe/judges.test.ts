import { describe, expect, it } from 'vitest';
import { judgeBatch } from '../../lib/probe/checks/batch.ts';
import { judgeDeadLetter } from '../../lib/probe/checks/dead-letter.ts';
import { judgeKilled, LEASE, VISIBILITY } from '../../lib/probe/checks/killed.ts';
import { judgeLost, REPAIRED_WITHIN } from '../../lib/probe/checks/lost.ts';
import { judgeRecursion, type RecursionSeen } from '../../lib/probe/checks/recursion.ts';
import { judgeRetries, LATE_AT_MOST, retriesIn } from '../../lib/probe/checks/retry.ts';
import { judgeThrottled, type ThrottledSeen } from '../../lib/probe/checks/throttled.ts';
import type { LoggedEvent } from '../../lib/probe/logs.ts';
import { at, attempt, moment, workflow } from './answers.ts';

describe('a chain of twenty steps', () => {
  const seen: RecursionSeen = {
    workflows: [workflow(1), workflow(2)],
    allowed: [],
    uncounted: [],
    invocations: 40,
    dropped: 0,
    emulator: false,
  };
  it.each<readonly [string, Partial<RecursionSeen>, string]>([
    ['completed, counted and not dropped', {}, 'passed'],
    ['of which CloudWatch counts a dropped invocation', { dropped: 1 }, 'failed'],
    ['that does not complete', { workflows: [workflow(1, { status: 'failed' })] }, 'failed'],
    ['whose invocations are not counted yet', { uncounted: ['a'] }, 'could not be checked'],
    ['whose functions may recurse', { allowed: ['a'] }, 'could not be checked'],
    ['on an emulator', { emulator: true }, 'could not be checked'],
  ])('%s', (_, changes, verdict) => {
    expect(judgeRecursion({ ...seen, ...changes }).verdict).toBe(verdict);
  });
});

describe('a throttled step', () => {
  const seen: ThrottledSeen = {
    workflows: [workflow(1, { timeline: [attempt('work', 60_000)] })],
    backAfter: 108_000,
    throttledFor: 50_000,
    doneAfter: 9_000,
    emulator: false,
  };
  it.each<readonly [string, Partial<ThrottledSeen>, string]>([
    ['whose message came back, and that was done once', {}, 'passed'],
    ['whose message did not come back', { backAfter: undefined }, 'could not be checked'],
    ['on an emulator', { emulator: true }, 'could not be checked'],
    ['of which no workflow was started', { workflows: [] }, 'could not be checked'],
    ['that is not done', { workflows: [workflow(1, { status: 'processing' })] }, 'failed'],
    [
      'that was done twice',
      { workflows: [workflow(1, { timeline: [attempt('work', 1), attempt('work', 2, { attempt: 2 })] })] },
      'failed',
    ],
  ])('%s', (_, changes, verdict) => {
    expect(judgeThrottled({ ...seen, ...changes }).verdict).toBe(verdict);
  });

  it('says what the shipped settings outlast: three times 56 receives, each hidden six times as long', () => {
    // 48 s for 3 receives that were hidden for 16 s: each takes as long as it is hidden. The rest is the reconciler's minute.
    expect(judgeThrottled(seen).seen).toContain(
      `outlast a throttle of ${Math.round((3 * 56 * 96) / 60)} minutes`,
    );
  });
});

describe('a retry', () => {
  it.each<readonly [string, readonly number[], string]>([
    ['made when it was due, or a little later', [0, LATE_AT_MOST], 'passed'],
    ['made before it was due', [5, -1], 'failed'],
    ['made long after it was due', [LATE_AT_MOST + 1], 'failed'],
    ['that nobody saw', [], 'could not be checked'],
  ])('%s', (_, late, verdict) => {
    expect(judgeRetries(late.map((ms) => ({ due: 1_000, at: 1_000 + ms }))).verdict).toBe(verdict);
  });

  it('is compared with the time that the attempt before it was given', () => {
    const timeline = [
      attempt('step-01', 0),
      attempt('step-01', 7_000, { attempt: 2 }),
      attempt('step-02', 8_000, { attempt: 2 }),
    ];
    expect(retriesIn(workflow(1, { timeline }), new Map([[1, moment(6_500)]]))).toEqual([
      { due: moment(6_500), at: moment(7_000) },
    ]);
  });
});

describe('a step whose function died', () => {
  const triedAgain = (gap: number, outcome: 'completed' | 'failed' = 'completed') =>
    workflow(1, {
      timeline: [
        attempt('step-01', 0, { outcome: 'interrupted' }),
        attempt('step-01', gap, { attempt: 2, outcome }),
        attempt('step-02', gap + 1),
      ],
    });
  it.each<readonly [string, ReturnType<typeof workflow>, string]>([
    ['tried again when its message is visible', triedAgain(VISIBILITY), 'passed'],
    ['tried again while its lease lives', triedAgain(LEASE - 1), 'failed'],
    ['tried again much later', triedAgain(VISIBILITY + LATE_AT_MOST + 1), 'failed'],
    ['that fails the second time', triedAgain(VISIBILITY, 'failed'), 'failed'],
    [
      'that was not killed at all',
      workflow(1, { timeline: [attempt('step-01', 0)] }),
      'could not be checked',
    ],
  ])('%s', (_, seen, verdict) => {
    expect(judgeKilled(seen).verdict).toBe(verdict);
  });
});

describe('a batch of which one fails', () => {
  const failing = workflow(1, { timeline: [attempt('work', 0), attempt('work', 9, { attempt: 2 })] });
  const others = [workflow(2), workflow(3)];
  const took = (n: number, requestId: string, event = 'attempt_started'): LoggedEvent => ({
    event,
    at: 0,
    requestId,
    workflowId: workflow(n).workflowId,
    did: undefined,
  });
  const together = [took(1, 'a'), took(2, 'a'), took(3, 'a')];
  it.each<readonly [string, readonly LoggedEvent[], string]>([
    ['and does not bring back the others', [...together, took(1, 'b')], 'passed'],
    ['and brings back another', [...together, took(3, 'b', 'message_ignored')], 'failed'],
    ['that came alone', [took(1, 'a'), took(2, 'b'), took(3, 'c')], 'could not be checked'],
    ['of which the log does not tell', [], 'could not be checked'],
  ])('%s', (_, events, verdict) => {
    expect(judgeBatch({ failing, others, events }).verdict).toBe(verdict);
  });

  it('whose failing message completes at once shows nothing', () => {
    expect(judgeBatch({ failing: workflow(1), others, events: together }).verdict).toBe(
      'could not be checked',
    );
  });
  it('fails where a workflow does not complete', () => {
    const undone = [workflow(2, { status: 'failed' }), workflow(3)];
    expect(judgeBatch({ failing, others: undone, events: together }).verdict).toBe('failed');
  });
});

describe('a lost message', () => {
  it.each<readonly [string, 'completed' | 'processing', number | undefined, string]>([
    ['sent again within the bound', 'completed', REPAIRED_WITHIN, 'passed'],
    ['sent again later', 'completed', REPAIRED_WITHIN + 1, 'failed'],
    ['never sent again', 'processing', undefined, 'failed'],
    ['sent again in vain', 'processing', 1_000, 'failed'],
  ])('%s', (_, status, after, verdict) => {
    const repairedAt = after === undefined ? undefined : moment(after);
    expect(judgeLost({ workflow: workflow(1, { status }), repairedAt }).verdict).toBe(verdict);
  });
});

describe('a workflow that fails', () => {
  const tries = [attempt('work', 0), attempt('work', 1, { attempt: 2 })];
  const before = workflow(1, { status: 'failed', timeline: tries });
  const after = workflow(1, { timeline: [...tries, attempt('work', 9, { epoch: 1 })] });
  it.each<readonly [string, Partial<Parameters<typeof judgeDeadLetter>[0]>, string]>([
    ['is told of, and resumed', {}, 'passed'],
    ['of which nobody is told', { toldAfter: undefined }, 'failed'],
    ['and stays so after a resume', { after: before }, 'failed'],
    [
      'after fewer attempts than it has',
      { before: workflow(1, { status: 'failed', timeline: tries.slice(1) }) },
      'failed',
    ],
    ['was too slow to fail', { before: after }, 'could not be checked'],
  ])('%s', (_, changes, verdict) => {
    expect(judgeDeadLetter({ before, toldAfter: 200, after, ...changes }).verdict).toBe(verdict);
  });
  it('is told of so long after it has failed', () => {
    expect(judgeDeadLetter({ before, toldAfter: 200, after }).seen).toContain('on-call was told 0.2 s later');
    expect(before.updatedAt).toBe(at(1_000));
  });
});
