import { describe, expect, it } from 'vitest';
import type { StepErrorCode } from '../../../lib/contract/names.ts';
import type { StepError } from '../../../lib/contract/wire.ts';
import type { StepRecord, WorkflowState } from '../../../lib/engine/state.ts';
import { lateUntil } from '../../../lib/engine/undo/doubt.ts';
import { requestChain } from '../world.ts';

const NOW = 1_000_000;
const [step] = requestChain({ a: [] }, { timeout: 30, lateBy: 60 }).steps;

const inDoubt = (
  attempt: Omit<StepRecord['attempts'][number], 'epoch' | 'attempt' | 'round'>,
): WorkflowState => {
  const attempts = [{ epoch: 0, attempt: 1, round: 0, ...attempt }];
  const record = {
    step: 'a',
    status: 'cancelled',
    epoch: 0,
    attempt: 1,
    round: 0,
    open: 1,
    token: 't',
  } as const;
  return {
    meta: {} as WorkflowState['meta'],
    steps: new Map([['a', { ...record, updatedAt: NOW, attempts }]]),
  };
};

const errorOf = (code: StepErrorCode): StepError => ({ code, message: 'no reply', effect: 'unknown' });

const waitOf = (state: WorkflowState): number => (step && lateUntil(state, step, NOW)) ?? 0;

describe('a step in doubt may act late', () => {
  it('from the deadline that its call had at the latest, where its connection broke before', () => {
    const broken = inDoubt({
      outcome: 'failed',
      startedAt: NOW - 1_000,
      endedAt: NOW,
      error: errorOf('CONNECTION_BROKEN'),
    });
    expect(waitOf(broken)).toBe(NOW + 90_000);
  });

  it('from the end of its call on, where that came after the deadline', () => {
    const timedOut = { outcome: 'failed', startedAt: NOW - 35_000, endedAt: NOW } as const;
    expect(waitOf(inDoubt({ ...timedOut, error: errorOf('DEADLINE_EXCEEDED') }))).toBe(NOW + 60_000);
  });

  it('from the deadline of a call that may have begun when its process ended', () => {
    const lost = inDoubt({ outcome: 'interrupted', startedAt: NOW - 600_000, endedAt: NOW - 5_000 });
    expect(waitOf(lost)).toBe(NOW - 5_000 + 90_000);
  });
});
