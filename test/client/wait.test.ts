import { describe, expect, it } from 'vitest';
import type { orderProcessing } from '../../functions/chains/order-processing.ts';
import { stepline, WaitTimeout, WorkflowFailed } from '../../lib/client/index.ts';
import { type Answer, fakeServer } from './fake-fetch.ts';

const ID = `wf_${'0'.repeat(32)}`;
const shown = (status: string, more: object = {}) => ({
  headers: { etag: `"${status}"` },
  json: { workflowId: ID, chain: 'order-processing', status, steps: {}, ...more },
});
const PROCESSING = shown('processing');
const COMPLETED = shown('completed', { orderId: 'o-1', trackingId: 't-1' });
const SAME: Answer = { status: 304, headers: { etag: '"processing"' } };

const orderAt = ({ options }: ReturnType<typeof fakeServer>) =>
  stepline<typeof orderProcessing>('https://api.test', options).workflow(ID);
/** A server that holds a request for as long as it is asked to. */
const holding = (after: number, last: Answer) => {
  const server = fakeServer(PROCESSING, ({ url }) => {
    if (server.asked.length > after) return last;
    server.pass(Number(new URL(url).searchParams.get('wait')) * 1_000);
    return SAME;
  });
  return server;
};
const waits = (server: ReturnType<typeof fakeServer>) =>
  server.asked.map(({ url, headers }) => [
    new URL(url).searchParams.get('wait'),
    headers.get('if-none-match'),
  ]);

describe('a wait', () => {
  it('asks once, and then waits at the server for news', async () => {
    const server = holding(3, COMPLETED);
    expect(await orderAt(server).wait()).toMatchObject({ status: 'completed', trackingId: 't-1' });
    expect(waits(server)).toEqual([
      [null, null],
      ['20', '"processing"'],
      ['20', '"processing"'],
      ['20', '"processing"'],
    ]);
    expect(server.slept.filter((ms) => ms > 0)).toEqual([]);
  });

  it('goes on after news that are not the end', async () => {
    const retrying = shown('processing', { retrying: {} });
    const server = fakeServer(PROCESSING, { ...retrying, headers: { etag: '"2"' } }, COMPLETED);
    await orderAt(server).wait();
    expect(waits(server).at(-1)).toEqual(['20', '"2"']);
  });

  it.each(['failed', 'cancelled', 'compensated', 'compensation_failed'])(
    'is rejected when the workflow is %s, with the workflow and what to do',
    async (status) => {
      const error = { message: 'payments refused the call with 402', next: 'Look at the card.' };
      const server = fakeServer(PROCESSING, shown(status, { error }));
      const failed = await orderAt(server)
        .wait()
        .catch((thrown: unknown) => thrown);
      expect(failed).toBeInstanceOf(WorkflowFailed);
      expect(failed).toMatchObject({
        workflow: { workflowId: ID, status },
        message: `the workflow ${ID} is ${status}: ${error.message}. ${error.next}`,
      });
    },
  );

  it.each(['compensating', 'of a newer release'])('goes on while it is %s', async (status) => {
    const server = fakeServer(shown(status), COMPLETED);
    await orderAt(server).wait();
    expect(server.asked).toHaveLength(2);
  });

  it('is rejected when its time is over, and never waits longer at the server', async () => {
    const server = holding(100, COMPLETED);
    const late = await orderAt(server)
      .wait({ timeout: 45.5 })
      .catch((thrown: unknown) => thrown);
    expect(late).toBeInstanceOf(WaitTimeout);
    expect(late).toMatchObject({ workflow: { status: 'processing' } });
    expect(String(late)).toContain('is processing after 45.5 s. It goes on');
    expect(waits(server).map(([wait]) => wait)).toEqual([null, '20', '20', '5', null]);
    expect(server.slept.reduce((sum, ms) => sum + ms, 0)).toBe(500);
  });

  it('looks once more when its time is over', async () => {
    const server = fakeServer(PROCESSING, COMPLETED);
    expect(await orderAt(server).wait({ timeout: 0.5 })).toMatchObject({ status: 'completed' });
    expect(server.slept).toEqual([500]);
  });

  it('asks later where the server cannot let it wait', async () => {
    const full = { status: 304, headers: { etag: '"processing"', 'retry-after': '5' } };
    const server = fakeServer(PROCESSING, full, full, COMPLETED);
    await orderAt(server).wait();
    expect(server.slept.filter((ms) => ms > 0)).toEqual([5_000, 5_000]);
  });

  it('asks once a second where the server answers at once, or has no tags', async () => {
    const hasty = fakeServer(PROCESSING, SAME, SAME, COMPLETED);
    await orderAt(hasty).wait();
    expect(hasty.slept.filter((ms) => ms > 0)).toEqual([1_000, 1_000]);
    const untagged = fakeServer({ json: PROCESSING.json }, { json: PROCESSING.json }, COMPLETED);
    await orderAt(untagged).wait();
    expect(untagged.slept).toEqual([1_000, 1_000]);
    expect(waits(untagged)).toEqual([
      [null, null],
      [null, null],
      [null, null],
    ]);
  });

  it('outlasts a server that is away for a while', async () => {
    const server = fakeServer(
      PROCESSING,
      new TypeError('fetch failed'),
      { status: 504, json: {} },
      COMPLETED,
    );
    expect(await orderAt(server).wait()).toMatchObject({ status: 'completed' });
  });

  it('gives a server that is away no longer than its time', async () => {
    const away = { status: 503, headers: { 'retry-after': '8' }, json: {} };
    const server = fakeServer(PROCESSING, away);
    await expect(orderAt(server).wait({ timeout: 20 })).rejects.toMatchObject({ status: 503 });
    expect(server.slept).toEqual([8_000, 8_000]);
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const server = fakeServer(PROCESSING, () => {
      stop.abort(new Error('enough'));
      return SAME;
    });
    await expect(orderAt(server).wait({ signal: stop.signal })).rejects.toThrow('enough');
    expect(server.asked).toHaveLength(2);
  });
});
