import { describe, expect, it } from 'vitest';
import { nextOf } from '../../lib/contract/advice.ts';
import { LOG_LEVELS, type LogLevel } from '../../lib/contract/names.ts';
import type { WorkflowError } from '../../lib/contract/wire.ts';
import { type EngineEvent, EVENT_LEVELS } from '../../lib/engine/events.ts';
import type { Notification } from '../../lib/engine/ports.ts';
import { logNotifier, logTelemetry } from '../../lib/local/telemetry.ts';
import { ALL_EVENTS, EVENTS } from '../support/engine-events.ts';

const NOW = Date.UTC(2026, 8, 21, 16, 50, 4, 123);

function linesOf(events: readonly EngineEvent[], readable = false, level: LogLevel = 'debug'): string[] {
  const lines: string[] = [];
  const telemetry = logTelemetry({ level, readable, now: () => NOW, write: (line) => lines.push(line) });
  for (const event of events) telemetry.emit(event);
  return lines;
}

describe('the log as JSON', () => {
  it('is one line for each event, with the time, the level and all that the event says', () => {
    const lines = linesOf(ALL_EVENTS);
    expect(lines).toHaveLength(ALL_EVENTS.length);
    for (const [at, line] of lines.entries()) {
      const event = ALL_EVENTS[at];
      expect(line).not.toContain('\n');
      expect(JSON.parse(line)).toEqual({
        timestamp: '2026-09-21T16:50:04.123Z',
        level: event && EVENT_LEVELS[event.event],
        ...event,
      });
    }
  });

  it('tells of an attempt its workflow, chain, step and number', () => {
    const { workflowId, chain } = EVENTS.attempt_started;
    expect(JSON.parse(linesOf([EVENTS.attempt_started])[0] ?? '')).toMatchObject({
      workflowId,
      chain,
      step: 'payment',
      epoch: 1,
      attempt: 2,
    });
  });
});

describe('the log for a person', () => {
  it('begins with time and level, then says what happened where to what, and the rest by name', () => {
    const { workflowId } = EVENTS.step_completed;
    expect(linesOf([EVENTS.step_completed], true)).toEqual([
      `16:50:04.123 info  step_completed order-processing/payment ${workflowId} epoch=1 attempt=2 durationMs=80`,
    ]);
  });

  it('shows an error with its fields', () => {
    const [line] = linesOf([EVENTS.step_failed], true);
    expect(line).toContain('16:50:04.123 error step_failed order-processing/payment');
    expect(line).toContain(
      'error.code=TARGET_UNAVAILABLE error.message=busy error.detail=no error.httpStatus=503 ',
    );
  });

  it('shows a moment as its time', () => {
    const [line] = linesOf([EVENTS.step_retrying], true);
    expect(line).toContain('nextAttemptAt=2026-09-21T14:13:20.000Z ');
  });

  it('leaves out what an event does not have', () => {
    expect(linesOf([EVENTS.most_overdue, EVENTS.workflow_started], true)).toEqual([
      '16:50:04.123 debug most_overdue ratio=1.5',
      `16:50:04.123 info  workflow_started order-processing ${EVENTS.workflow_started.workflowId}`,
    ]);
  });

  it('is one line for each event, whatever text comes from outside, and steers no terminal', () => {
    const message = '<html>\r\n<b>\u001b[31mred\u0000</b>\n</html>';
    const [line, ...others] = linesOf([{ event: 'unexpected_error', where: 'send', message }], true);
    expect(others).toEqual([]);
    expect(line).toBe(
      '16:50:04.123 error unexpected_error where=send message=<html> <b> [31mred </b> </html>',
    );
  });
});

describe('the level of the log', () => {
  it.each(LOG_LEVELS)('%s lets through what is at least as loud', (level) => {
    const least = LOG_LEVELS.indexOf(level);
    const expected = ALL_EVENTS.filter(({ event }) => LOG_LEVELS.indexOf(EVENT_LEVELS[event]) >= least);
    for (const readable of [true, false]) {
      expect(linesOf(ALL_EVENTS, readable, level)).toHaveLength(expected.length);
    }
    expect(linesOf(ALL_EVENTS, false, level).map((line) => JSON.parse(line).event)).toEqual(
      expected.map(({ event }) => event),
    );
  });

  it('silent lets nothing through', () => {
    expect(linesOf(ALL_EVENTS, false, 'silent')).toEqual([]);
  });
});

describe('the line for the person on call', () => {
  const failure: WorkflowError = {
    step: 'payment',
    attempts: 3,
    code: 'TARGET_UNAVAILABLE',
    message: 'busy',
    target: 'payments',
    httpStatus: 503,
    effect: 'unknown',
  };
  const example = (id: string, error = failure) => ({ tenant: 'default', workflowId: id, epoch: 0, error });
  const notification: Notification = {
    id: 'wf_1:0:failed',
    kind: 'failed',
    chain: 'orders',
    step: 'payment',
    code: 'TARGET_UNAVAILABLE',
    count: 1,
    firstAt: 0,
    lastAt: 0,
    examples: [example('wf_1')],
  };
  const NEXT = nextOf(failure, 'failed');

  async function told(changes: Partial<Notification> = {}, readable = true): Promise<string[]> {
    const lines: string[] = [];
    const notifier = logNotifier({ readable, now: () => 0, write: (line) => lines.push(line) });
    await notifier.notify({ ...notification, ...changes });
    return lines;
  }

  it('is one JSON line among the others where nobody reads along', async () => {
    const [line = '', ...others] = await told({}, false);
    expect(others).toEqual([]);
    const timestamp = '1970-01-01T00:00:00.000Z';
    expect(JSON.parse(line)).toEqual({ timestamp, level: 'error', event: 'on_call_told', ...notification });
  });

  it('says which workflow failed at which step, why, and under which id it is told', async () => {
    expect(await told()).toEqual([
      `on-call: orders wf_1 failed at step payment after 3 attempt(s): TARGET_UNAVAILABLE: busy. ${NEXT} (notification wf_1:0:failed)`,
    ]);
  });

  it('leaves out what is not known', async () => {
    const { target: _, httpStatus: __, ...error } = failure;
    expect(await told({ examples: [example('wf_1', { ...error, code: 'RUN_FAILED' })] })).toEqual([
      `on-call: orders wf_1 failed at step payment after 3 attempt(s): RUN_FAILED: busy. ${nextOf({ ...error, code: 'RUN_FAILED' }, 'failed')} (notification wf_1:0:failed)`,
    ]);
  });

  it('counts what failed together, and names some of it', async () => {
    const [first, ...others] = await told({ count: 512, examples: [example('wf_1'), example('wf_2')] });
    expect(first).toBe(
      'on-call: 512 workflows of orders failed at step payment with TARGET_UNAVAILABLE (notification wf_1:0:failed)',
    );
    expect(others).toEqual(
      ['wf_1', 'wf_2'].map(
        (id) =>
          `on-call:   for example orders ${id} failed at step payment after 3 attempt(s): TARGET_UNAVAILABLE: busy. ${NEXT}`,
      ),
    );
  });

  it('asks nobody to resume what is taken back by itself', async () => {
    expect(await told({ examples: [{ ...example('wf_1'), takenBack: true }] })).toEqual([
      `on-call: orders wf_1 failed at step payment after 3 attempt(s): TARGET_UNAVAILABLE: busy. ${nextOf(failure, 'takenBack')} (notification wf_1:0:failed)`,
    ]);
  });

  it('says of a workflow that could not be taken back what was undone, what was not and why, what is left, and what to do', async () => {
    const half: Partial<Notification> = {
      id: 'wf_1:0:compensation_failed',
      kind: 'compensation_failed',
      examples: [
        {
          ...example('wf_1'),
          undos: [
            { step: 'mail', status: 'completed', attempts: 1 },
            { step: 'payment', status: 'failed', attempts: 3 },
            { step: 'order', status: 'pending', attempts: 0, inDoubt: true },
          ],
        },
      ],
    };
    expect(await told(half)).toEqual([
      `on-call: orders wf_1 could not be taken back: mail undone; payment not, after 3 attempts: TARGET_UNAVAILABLE: busy; still to undo: order; in doubt: order. ${nextOf(failure, 'undo')} (notification wf_1:0:compensation_failed)`,
    ]);
    const [line = ''] = await told(half, false);
    expect(JSON.parse(line)).toMatchObject({ event: 'on_call_told', kind: 'compensation_failed' });
  });

  it('says of one that waits until somebody knows whether a call acted how often its target was asked, and what can be said', async () => {
    const unknown = {
      ...failure,
      code: 'LOOKUP_UNKNOWN',
      message: 'the call may have acted',
      attempts: 1,
    } as const;
    const undos = [{ step: 'payment', status: 'pending', attempts: 0, inDoubt: true }] as const;
    const examples = [{ ...example('wf_1', unknown), undos }];
    expect(await told({ kind: 'compensation_failed', code: 'LOOKUP_UNKNOWN', examples })).toEqual([
      `on-call: orders wf_1 could not be taken back: nothing undone; payment not, asked once: LOOKUP_UNKNOWN: the call may have acted; in doubt: payment. ${nextOf(unknown, 'undo')} (notification wf_1:0:failed)`,
    ]);
  });

  it('is one line, whatever the target answered', async () => {
    const error = { ...failure, message: 'a\r\nb\u001b[2Jc' };
    const [line, ...others] = await told({ examples: [example('wf_1', error)] });
    expect(others).toEqual([]);
    expect(line).toContain('TARGET_UNAVAILABLE: a b [2Jc. ');
  });
});
