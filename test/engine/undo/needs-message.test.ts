import { describe, expect, it } from 'vitest';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { needsMessage } from '../../../lib/engine/undo/words.ts';
import { EPOCH, NOW, resumed } from '../fixtures.ts';
import { requestChain } from '../world.ts';

const [step] = requestChain({ a: [] }).steps;

const running = (epoch: number, leaseUntil: number): StepRecord => ({
  ...{ step: 'a', status: 'running', epoch, attempt: 1, round: 0, open: 1, token: 't', leaseUntil },
  updatedAt: NOW - 1_000,
  attempts: [],
});

/** Whether a message is sent for a step that is to be undone. */
function isSent(record: StepRecord | undefined, undo?: StepRecord): boolean {
  const undos = undo === undefined ? {} : { undos: new Map([['a', undo]]) };
  const steps = new Map(record === undefined ? [] : [['a', record]]);
  const state = { meta: resumed({ status: 'compensating' }), steps, ...undos };
  return step !== undefined && needsMessage(state, step, NOW);
}

describe('a step that is next to be undone', () => {
  it('is sent no message while a worker of this epoch is at work on it: that one has its own', () => {
    expect(isSent(running(EPOCH, NOW + 1))).toBe(false);
    expect(isSent(undefined, running(EPOCH, NOW + 1))).toBe(false);
  });

  it('is sent one once the lease is over, or where nobody was at work', () => {
    expect(isSent(running(EPOCH, NOW))).toBe(true);
    expect(isSent(undefined)).toBe(true);
  });

  it('is sent one after a resume, though a worker may be at it: that one has a message of before', () => {
    expect(isSent(running(EPOCH - 1, NOW + 1))).toBe(true);
    expect(isSent(undefined, running(EPOCH - 1, NOW + 1))).toBe(true);
  });
});
