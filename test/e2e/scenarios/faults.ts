import { describe, expect, vi } from 'vitest';
import type { StepErrorCode } from '../../../lib/contract/names.ts';
import type { WorkflowError } from '../../../lib/contract/wire.ts';
import type { Fault } from '../../../lib/local/demo/faults.ts';
import { FIXTURE_TIMEOUT, ORDER, ORDER_STEPS, quickOrder } from '../fixture-chains.ts';
import { effectsOf, ended, resume, type Scenario, type Stage, show, start } from '../stage.ts';

/** Milliseconds. */
export const PATIENCE = { timeout: 30_000, interval: 50 };
const TOO_LONG_MS = FIXTURE_TIMEOUT * 1_000 + 500;

/** A fault that passes by itself, and how many attempts the step takes. */
export const PASSING: readonly (readonly [string, Fault, number])[] = [
  ['answers slowly, but in time', { latencyMs: 300 }, 1],
  ['acts, but answers after the deadline', { latencyMs: TOO_LONG_MS, late: true, times: 1 }, 2],
  ['answers 503', { status: 503, times: 1 }, 2],
  ['answers 429 with Retry-After', { status: 429, retryAfter: '1', times: 1 }, 2],
  ['hangs', { hang: true, times: 1 }, 2],
  ['acts, and drips its answer', { drip: true, times: 1 }, 2],
  ['drops the connection before it acts', { drop: 'before', times: 1 }, 2],
  ['drops the connection after it acted', { drop: 'after', times: 1 }, 2],
];

export interface Lasting {
  readonly fault: Fault;
  readonly code: StepErrorCode;
  readonly attempts: number;
  readonly effect: WorkflowError['effect'];
  /** Effects at the target before it is mended. */
  readonly acted: 0 | 1;
  /** The round whose key has the effect at the end: it changes only where nobody can have acted. */
  readonly round: 0 | 1;
  readonly httpStatus?: number;
  /** A part of the message. */
  readonly says?: string;
  /** It acts after the step was given up. */
  readonly actsLater?: true;
}

/** A fault that stays until somebody mends the target. */
export const LASTING: Readonly<Record<string, Lasting>> = {
  'answers 503': {
    fault: { status: 503, body: 'closed for the night' },
    code: 'TARGET_UNAVAILABLE',
    attempts: 2,
    effect: 'unknown',
    acted: 0,
    round: 0,
    httpStatus: 503,
    says: 'closed for the night',
  },
  'answers 503 with Retry-After': {
    fault: { status: 503, retryAfter: '1' },
    code: 'TARGET_UNAVAILABLE',
    attempts: 2,
    effect: 'unknown',
    acted: 0,
    round: 0,
    httpStatus: 503,
  },
  'answers 422': {
    fault: { status: 422, body: { error: 'no such street' } },
    code: 'REFUSED',
    attempts: 1,
    effect: 'none',
    acted: 0,
    round: 1,
    httpStatus: 422,
    says: 'no such street',
  },
  redirects: {
    fault: { status: 302, body: 'elsewhere' },
    code: 'REDIRECTED',
    attempts: 1,
    effect: 'unknown',
    acted: 0,
    round: 0,
    httpStatus: 302,
  },
  'is slower than the deadline': {
    // It acts after both attempts are given up: to the second one it says 409, the first is under way.
    fault: { latencyMs: 4_000 },
    actsLater: true,
    code: 'TARGET_UNAVAILABLE',
    attempts: 2,
    effect: 'unknown',
    acted: 0,
    round: 0,
    httpStatus: 409,
  },
  hangs: {
    fault: { hang: true },
    code: 'DEADLINE_EXCEEDED',
    attempts: 2,
    effect: 'unknown',
    acted: 0,
    round: 0,
  },
  'acts, and drips its answer': {
    fault: { drip: true },
    code: 'DEADLINE_EXCEEDED',
    attempts: 2,
    effect: 'unknown',
    acted: 1,
    round: 0,
    httpStatus: 201,
  },
  'drops the connection before it acts': {
    fault: { drop: 'before' },
    code: 'CONNECTION_BROKEN',
    attempts: 2,
    effect: 'unknown',
    acted: 0,
    round: 0,
  },
  'drops the connection after it acted': {
    fault: { drop: 'after' },
    code: 'CONNECTION_BROKEN',
    attempts: 2,
    effect: 'unknown',
    acted: 1,
    round: 0,
  },
  'is down': {
    fault: { down: true },
    code: 'CONNECTION_FAILED',
    attempts: 2,
    effect: 'none',
    acted: 0,
    round: 1,
  },
  'acts, and answers half a JSON': malformed('json', 'not JSON'),
  'acts, and breaks the schema': malformed('schema', 'breaks the schema'),
  'acts, and answers nothing': malformed('empty', 'empty'),
  'acts, and answers a web page': malformed('html', '<!doctype html>'),
  'acts, and answers 2 MiB': { ...malformed('huge', 'xxxxx'), code: 'REPLY_TOO_LARGE' },
};

function malformed(kind: NonNullable<Fault['malformed']>, says: string): Lasting {
  const known = { code: 'REPLY_INVALID', attempts: 1, effect: 'unknown', acted: 1, round: 0 } as const;
  return { ...known, fault: { malformed: kind }, httpStatus: 200, says };
}

/** Every fault of a demo target on every step of the order chain: the state, the attempts and the ledger. */
export function faultScenarios(scenario: Scenario): void {
  for (const [step, target] of ORDER_STEPS) {
    describe(`${target}, the target of ${step},`, () => {
      for (const [what, fault, attempts] of PASSING) {
        scenario(`${what}: the order completes, and ${step} takes effect once`, async (stage) => {
          await stage.demo.setFault(target, fault);
          const id = await start(stage, quickOrder.start, ORDER);
          await expectCompleted(stage, id);
          expectEffects(stage, id, step, 0);
          const { timeline = [] } = await show(stage, id, true);
          const outcomes = timeline.filter((entry) => entry.step === step).map(({ outcome }) => outcome);
          expect(outcomes).toEqual([...Array(attempts - 1).fill('retrying'), 'completed']);
        });
      }
      for (const [what, lasting] of Object.entries(LASTING)) {
        scenario(`${what}: the order stops there, and goes on from there once resumed`, async (stage) => {
          await stage.demo.setFault(target, lasting.fault);
          const id = await start(stage, quickOrder.start, ORDER);
          await expectStopped(stage, id, step, target, lasting);
          if (lasting.actsLater)
            await vi.waitUntil(() => effectsOf(stage, target, id).length === 1, PATIENCE);
          await stage.demo.heal(target);
          expect((await resume(stage, id)).status).toBe(202);
          await expectCompleted(stage, id);
          expectEffects(stage, id, step, lasting.round);
        });
      }
    });
  }
}

async function expectStopped(
  stage: Stage,
  id: string,
  step: string,
  target: string,
  { code, attempts, effect, acted, httpStatus, says }: Lasting,
): Promise<void> {
  const workflow = await ended(stage, id);
  const told = await show(stage, id, true);
  const at = ORDER_STEPS.findIndex(([name]) => name === step);
  expect(workflow).toMatchObject({
    status: 'failed',
    steps: Object.fromEntries(
      ORDER_STEPS.map(([name], n) => [name, n < at ? 'completed' : n === at ? 'failed' : 'pending']),
    ),
    error: { step, target, code, attempts, effect },
  });
  // What the target said is for who may read the timeline.
  expect(told.error?.detail).toContain(says ?? '');
  expect(workflow.error).not.toHaveProperty('detail');
  expect(workflow.error?.httpStatus).toBe(httpStatus);
  expect(JSON.stringify([workflow, told])).not.toContain(ORDER.card);
  for (const [n, [, called]] of ORDER_STEPS.entries()) {
    expect(effectsOf(stage, called, id), called).toHaveLength(n < at ? 1 : n === at ? acted : 0);
  }
}

async function expectCompleted(stage: Stage, id: string): Promise<void> {
  expect(await ended(stage, id)).toMatchObject({
    status: 'completed',
    steps: { payment: 'completed', shipment: 'completed', confirmation: 'completed' },
    orderId: expect.stringMatching(/^ord_/),
    trackingId: expect.stringMatching(/^trk_/),
  });
}

/** One effect of each step, under the first key but for the step that failed, whose round is given. */
function expectEffects(stage: Stage, id: string, failed: string, round: number): void {
  for (const [name, called] of ORDER_STEPS) {
    const key = `${id}:${name}:do:${name === failed ? round : 0}`;
    expect(effectsOf(stage, called, id), called).toEqual([[key, 1]]);
  }
}
