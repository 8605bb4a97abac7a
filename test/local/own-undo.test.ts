import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import { startAnswer, undoPlan } from '../../lib/contract/wire.ts';
import { type LocalProcess, startLocal } from '../../lib/local/process.ts';
import { closers } from '../support/closers.ts';
import { PATIENCE_MS, QUIET, show } from './process-support.ts';

const hotel = target('hotel');
const refunds = target('refunds');
const flight = target('flight');

/** A room that another target gives back, whose reply has a schema of its own, and a flight. */
const trip = chain('trip', { version: 1, start: '/api/trip', input: z.object({}) })
  .step('room', {
    request: () => hotel.post('/rooms'),
    response: z.object({ roomId: z.string() }),
    undo: {
      request: ({ undone }) => refunds.post('/cancellations', { room: undone.result?.roomId }),
      response: z.object({ cancellationId: z.string().min(1) }),
      retries: 0,
    },
  })
  .step('seat', { request: () => flight.post('/seats'), retries: 0 }).definition;

async function begun() {
  const lines: string[] = [];
  const running: LocalProcess = await startLocal(
    [trip],
    { ...QUIET, logLevel: 'info' },
    { readable: true, say: (line) => lines.push(line) },
  );
  closers.push(() => running.stop().catch(() => undefined));
  await running.demo?.setFault('flight', { status: 422 });
  const started = await fetch(`${running.baseUrl}/api/trip`, { method: 'POST', body: '{}' });
  const { workflowId } = startAnswer.parse(await started.json());
  const becomes = (status: string) =>
    expect
      .poll(async () => (await show(running.baseUrl, workflowId)).status, { timeout: PATIENCE_MS })
      .toBe(status);
  await becomes('failed');
  const ask = (method: string, path: string, body?: object) =>
    fetch(`${running.baseUrl}/api/workflows/${workflowId}/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return { running, lines, workflowId, becomes, ask };
}

describe('the one process', () => {
  it('takes a workflow back, shows before what it would do, and says so in its log', async () => {
    const { running, lines, workflowId, becomes, ask } = await begun();
    const plan = undoPlan.parse(await (await ask('GET', 'undo')).json());
    expect(plan.steps).toMatchObject([
      { step: 'room', does: 'calls', request: { target: 'refunds', method: 'POST', path: '/cancellations' } },
    ]);
    expect(running.demo?.ledger('refunds').effects).toEqual([]);
    expect((await ask('POST', 'undo')).status).toBe(202);
    await becomes('compensated');
    // Its demo target is answered by the schema of the undo, not by that of the step.
    expect(running.demo?.ledger('refunds').effects).toMatchObject([
      { key: `${workflowId}:room:undo:0`, times: 1 },
    ]);
    const told = lines.filter((line) => line.includes(workflowId)).join('\n');
    expect(told).toMatch(/ warn {2}workflow_compensating trip /);
    expect(told).toMatch(/ info {2}workflow_compensated trip /);
  });

  it('says that a person is needed where an undo fails, and what was undone', async () => {
    const { running, lines, workflowId, becomes, ask } = await begun();
    await running.demo?.setFault('refunds', { status: 409 });
    await ask('POST', 'undo');
    await becomes('compensation_failed');
    // One is told a second, and its failure was told just before.
    await expect
      .poll(() => lines.filter((line) => line.includes('could not be taken back')), { timeout: PATIENCE_MS })
      .toEqual([
        expect.stringContaining(
          `on-call: trip ${workflowId} could not be taken back: nothing undone; room not, after 1 attempt: TARGET_UNAVAILABLE: refunds answered 409 Conflict.`,
        ),
      ]);
    expect(lines.some((one) => / error compensation_failed trip /.test(one))).toBe(true);
    expect((await ask('POST', 'resume', { steps: { room: { undone: true } } })).status).toBe(202);
    await becomes('compensated');
    expect(running.demo?.ledger('refunds').effects).toEqual([]);
  });
});
