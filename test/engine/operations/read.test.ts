import { describe, expect, it } from 'vitest';
import { workflowAnswer } from '../../../lib/contract/wire.ts';
import { cancel, resume } from '../../../lib/engine/operations/change.ts';
import { get, list } from '../../../lib/engine/operations/read.ts';
import { GRAPHS } from '../fixtures.ts';
import { CARD, expectNothingLeaked, openWorld, requestChain, status, TENANT, timedOut } from '../world.ts';

const LINE = requestChain(GRAPHS.line);

/** A workflow that failed at its second step. */
async function failed(chain = LINE) {
  const world = await openWorld(chain);
  const key = await world.begin();
  world.answers('b', status(402, 'declined'));
  await world.run();
  return { world, key };
}

describe('a workflow that is read', () => {
  it('is shown as it is', async () => {
    const { world, key } = await failed();
    expect(await get(world.engine, key, false)).toMatchObject({
      workflowId: key.workflowId,
      chain: LINE.name,
      status: 'failed',
      steps: { a: 'completed', b: 'failed', c: 'pending' },
      error: {
        step: 'b',
        code: 'REFUSED',
        message: 'api refused the request: 402 Payment Required',
        httpStatus: 402,
        effect: 'none',
        attempts: 1,
      },
    });
  });

  it('has a timeline for who asks', async () => {
    const { world, key } = await failed();
    expect(await get(world.engine, key, false)).not.toHaveProperty('timeline');
    const answer = await get(world.engine, key, true);
    expect(answer.timeline).toMatchObject([
      { step: 'a', outcome: 'completed' },
      { step: 'b', outcome: 'failed', error: { detail: expect.stringContaining('declined') } },
    ]);
    expect(workflowAnswer.safeParse(answer).success).toBe(true);
  });

  it('does not exist for another tenant, or under another id', async () => {
    const { world, key } = await failed();
    for (const unknown of [
      { ...key, tenant: 'umbrella' },
      { ...key, workflowId: 'wf_none' },
    ]) {
      for (const asked of [
        get(world.engine, unknown, false),
        cancel(world.engine, unknown),
        resume(world.engine, unknown),
      ]) {
        await expect(asked).rejects.toMatchObject({ code: 'UNKNOWN_WORKFLOW', problem: { status: 404 } });
      }
    }
  });
});

describe('a listing', () => {
  it('is newest first, page by page, of one tenant', async () => {
    const world = await openWorld(LINE);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.unshift((await world.begin()).workflowId);
      await world.clock.advance(1_000);
    }
    await world.begin({ tenant: 'umbrella' });
    const first = await list(world.engine, { tenant: TENANT, limit: 2 });
    expect(first.workflows.map(({ workflowId }) => workflowId)).toEqual(ids.slice(0, 2));
    expect(first.workflows[0]).toEqual({
      workflowId: ids[0],
      chain: LINE.name,
      status: 'processing',
      createdAt: new Date(world.clock.now() - 1_000).toISOString(),
    });
    const after = first.nextCursor ?? '';
    const last = await list(world.engine, { tenant: TENANT, limit: 2, after });
    expect(last).toMatchObject({ workflows: [{ workflowId: ids[2] }], nextCursor: null });
  });
});

describe('what leaves the table', () => {
  it('holds no sensitive value: no message, no event, no notification and no answer, whatever fails', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin({ idempotencyKey: 'k' });
    const echo = JSON.stringify({ card: CARD, url: `https://x.test/?card=${CARD}` });
    world.answers(
      'a',
      status(503, echo),
      { ...timedOut, message: `no reply for ${CARD}` },
      status(402, echo),
    );
    await world.run();
    const answers = [await get(world.engine, key, true), await resume(world.engine, key, { newKey: true })];
    world.answers('b', { kind: 'reply', status: 200, body: echo });
    await world.run();
    answers.push(await resume(world.engine, key));
    await world.run();
    answers.push(await get(world.engine, key, true));
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 2 });
    expect(world.calls.some(({ request }) => request.body?.includes(CARD))).toBe(true);
    expectNothingLeaked(world);
    expect(JSON.stringify(answers)).not.toContain(CARD);
    expect(JSON.stringify(await list(world.engine, { tenant: TENANT, limit: 10 }))).not.toContain(CARD);
  });
});
