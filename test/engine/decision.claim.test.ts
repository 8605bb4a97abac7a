import { describe, expect, it } from 'vitest';
import { type Claim, decideMessage } from '../../lib/engine/decision.ts';
import type { AttemptRecord, StepRecord, WorkflowMeta } from '../../lib/engine/state.ts';
import { claimOf } from '../ports/store/fixtures.ts';
import { chainOf, EPOCH, MOMENT, messageTo, NOW, RECORDS, RETRIES, resumed, stateOf } from './fixtures.ts';

/** The claim of a step that is found as `record`. */
function claimFrom(
  record: StepRecord | undefined,
  meta: WorkflowMeta = resumed(),
  remainingMs: number = MOMENT.remainingMs,
): Claim {
  const chain = chainOf({ a: [] }, { retries: RETRIES, timeout: 30 });
  const moment = { ...MOMENT, remainingMs };
  const decision = decideMessage(chain, stateOf(meta, { a: record }), messageTo('a'), moment);
  if (decision.do !== 'claim') throw new Error(`the step is not claimed: ${decision.do}`);
  return decision.claim;
}

const attempt = (number: number, changes: Partial<AttemptRecord> = {}): AttemptRecord => ({
  epoch: EPOCH,
  attempt: number,
  round: 0,
  outcome: 'retrying',
  startedAt: NOW - 10_000,
  endedAt: NOW - 9_000,
  ...changes,
});

describe('the first claim of a step', () => {
  it('is a running item with attempt 1, round 0, one open attempt, my token and a lease', () => {
    expect(claimFrom(undefined).record).toEqual({
      step: 'a',
      status: 'running',
      epoch: EPOCH,
      attempt: 1,
      round: 0,
      open: 1,
      keyedAt: NOW,
      token: MOMENT.token,
      leaseUntil: NOW + 50_000,
      startedAt: NOW,
      updatedAt: NOW,
      attempts: [{ epoch: EPOCH, attempt: 1, round: 0, outcome: 'running', startedAt: NOW }],
    });
  });

  it('happens only where there is still no item', () => {
    expect(claimFrom(undefined).expected).toEqual({ absent: true });
  });

  it('is put back as a pending item that counts nothing and carries my token', () => {
    expect(claimFrom(undefined).before).toEqual({
      step: 'a',
      status: 'pending',
      epoch: EPOCH,
      attempt: 0,
      round: 0,
      open: 0,
      token: MOMENT.token,
      updatedAt: NOW,
      attempts: [],
    });
  });
});

describe('the lease of a claim', () => {
  it.each([45_000, 1_200, 855_000])(
    'outlives the function that claims by 5 s, whatever the step needs: %d ms are left',
    (remainingMs) => {
      expect(claimFrom(undefined, resumed(), remainingMs).record.leaseUntil).toBe(NOW + remainingMs + 5_000);
    },
  );
});

describe('the claim of a step that was tried before', () => {
  it.each([
    ['put back', 1, 1],
    ['running, lease ends now', 2, 2],
    ['running, lease over, one attempt left', 3, 2],
    ['retrying, due now', 2, 2],
    ['retrying, overdue', 3, 2],
    ['failed, older epoch', 1, 1],
    ['running, lease over, older epoch', 1, 2],
    ['retrying, due, older epoch', 1, 2],
  ] as const)('found as "%s" is attempt %d of the epoch, with %d open', (kind, count, open) => {
    const found = RECORDS[kind];
    const { record, expected, before } = claimFrom(found);
    expect(record).toMatchObject({
      status: 'running',
      epoch: EPOCH,
      attempt: count,
      token: MOMENT.token,
      open,
    });
    expect(record.round).toBe(found.round);
    expect(expected).toEqual({ status: found.status, token: found.token });
    expect(before).toEqual({ ...found, step: 'a' });
  });

  it('keeps the time of the first attempt, and drops what only the former state had', () => {
    const failed: StepRecord = {
      ...RECORDS['failed, older epoch'],
      startedAt: NOW - 70_000,
      nextAttemptAt: NOW - 1,
    };
    const { record } = claimFrom(failed);
    expect(record.startedAt).toBe(NOW - 70_000);
    expect(record).not.toHaveProperty('error');
    expect(record).not.toHaveProperty('nextAttemptAt');
    expect(record).not.toHaveProperty('result');
  });

  it('keeps the history, which goes on over epochs', () => {
    const history = [attempt(1, { epoch: 0 }), attempt(2, { epoch: 0, outcome: 'failed' })];
    const { record } = claimFrom({ ...RECORDS['failed, older epoch'], round: 4, attempts: history });
    expect(record.attempts).toEqual([
      ...history,
      { epoch: EPOCH, attempt: 1, round: 4, outcome: 'running', startedAt: NOW },
    ]);
  });

  it('keeps the last twenty attempts', () => {
    const history = Array.from({ length: 20 }, (_, at) => attempt(at + 1));
    const { record } = claimFrom({ ...RECORDS['retrying, due now'], attempt: 20, attempts: history });
    expect(record.attempts.map((one) => one.attempt)).toEqual([
      2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    ]);
    expect(record.attempts.at(-1)?.outcome).toBe('running');
  });

  it('marks an attempt that never saved its outcome as interrupted, ended with its lease', () => {
    const { endedAt: _, ...running } = attempt(2, { outcome: 'running' });
    const { record } = claimFrom({
      ...RECORDS['running, lease over, one attempt left'],
      leaseUntil: NOW - 300,
      attempts: [attempt(1), running],
    });
    expect(record.attempts).toEqual([
      attempt(1),
      { ...running, outcome: 'interrupted', endedAt: NOW - 300 },
      { epoch: EPOCH, attempt: 3, round: 0, outcome: 'running', startedAt: NOW },
    ]);
  });
});

describe('an operator’s order of a new key', () => {
  const ordered = (step: string, epoch = EPOCH) => resumed({ newKey: { step, epoch } });
  const failed: StepRecord = { ...RECORDS['failed, older epoch'], round: 2, open: 3 };

  it('raises the round at the first claim after it, and no attempt of the new round is open but this one', () => {
    const { record } = claimFrom(failed, ordered('a'));
    expect(record).toMatchObject({ round: 3, open: 1, attempt: 1 });
    expect(record.attempts.at(-1)).toMatchObject({ round: 3 });
  });

  it('raises it for a step of the older epoch whose worker died, too', () => {
    const running = { ...RECORDS['running, lease over, older epoch'], round: 2, open: 3 };
    expect(claimFrom(running, ordered('a')).record).toMatchObject({ round: 3, open: 1 });
  });

  it('raises it once: later claims of the epoch keep the round', () => {
    const { record } = claimFrom(failed, ordered('a'));
    const retrying: StepRecord = { ...record, status: 'retrying', nextAttemptAt: NOW };
    expect(claimFrom(retrying, ordered('a')).record).toMatchObject({ round: 3, open: 2, attempt: 2 });
  });

  it('is not used up by a claim that is put back', () => {
    const { before } = claimFrom(failed, ordered('a'));
    expect(before).toEqual({ ...failed, step: 'a' });
    expect(claimFrom(before, ordered('a')).record).toMatchObject({ round: 3, open: 1 });
  });

  it('still holds in a later epoch if the step was not claimed in its own', () => {
    const { record } = claimFrom(failed, resumed({ epoch: EPOCH, newKey: { step: 'a', epoch: EPOCH } }));
    expect(record.round).toBe(3);
    const unclaimed = { ...failed, epoch: EPOCH - 1 };
    const later = resumed({ epoch: EPOCH, newKey: { step: 'a', epoch: EPOCH - 1 } });
    expect(claimFrom({ ...unclaimed, epoch: EPOCH - 1 }, later).record.round).toBe(2);
    expect(claimFrom({ ...unclaimed, epoch: EPOCH - 2 }, later).record.round).toBe(3);
  });

  it('concerns no other step, and no step that was never claimed', () => {
    expect(claimFrom(failed, ordered('b')).record).toMatchObject({ round: 2, open: 4 });
    expect(claimFrom(undefined, ordered('a')).record).toMatchObject({ round: 0, open: 1 });
  });

  it('is not needed by who resumes without it: the key stays', () => {
    expect(claimFrom(failed).record).toMatchObject({ round: 2, open: 4 });
  });
});

describe('a step whose workers all died', () => {
  const { endedAt: _, ...last } = attempt(3, { outcome: 'running' });
  const found: StepRecord = {
    ...claimOf('a', { epoch: EPOCH, attempt: 3, round: 2, open: 3, token: 'theirs', leaseUntil: NOW - 7 }),
    attempts: [attempt(2), last],
  };
  const decision = decideMessage(
    chainOf({ a: [] }, { retries: RETRIES }),
    stateOf(resumed(), { a: found }),
    messageTo('a'),
    MOMENT,
  );
  const { record, expected } = decision.do === 'saveDeadWorker' ? decision : {};

  it('is saved as failed on condition of the token that was loaded', () => {
    expect(expected).toEqual({ status: 'running', token: 'theirs' });
    expect(record).toMatchObject({ status: 'failed', token: 'theirs', updatedAt: NOW });
    expect(record).not.toHaveProperty('leaseUntil');
  });

  it('keeps epoch, attempts, round and open: nobody knows what the calls did', () => {
    expect(record).toMatchObject({ epoch: EPOCH, attempt: 3, round: 2, open: 3 });
    expect(record?.error).toEqual({
      code: 'WORKER_DIED',
      message: 'the function of step "a" ended 3 times without saving an outcome',
      effect: 'unknown',
      safeUntil: expect.any(String),
    });
  });

  it('shows the last attempt as interrupted when its lease ended', () => {
    expect(record?.attempts).toEqual([attempt(2), { ...last, outcome: 'interrupted', endedAt: NOW - 7 }]);
  });

  it.each([
    [0, 1],
    [1, 2],
    [5, 6],
  ])('with %d retries is given up after %d attempts, not one sooner', (retries, attempts) => {
    const chain = chainOf({ a: [] }, { retries });
    const decidedAfter = (count: number) =>
      decideMessage(chain, stateOf(resumed(), { a: { ...found, attempt: count } }), messageTo('a'), MOMENT)
        .do;
    expect(decidedAfter(attempts)).toBe('saveDeadWorker');
    if (attempts > 1) expect(decidedAfter(attempts - 1)).toBe('claim');
  });
});
