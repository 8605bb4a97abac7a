import { describe, expect, it } from 'vitest';
import { type DemoTargets, startDemoTargets } from '../../../lib/local/demo/targets.ts';
import { bodyOf, charge, send, start, statusOf } from './support.ts';

describe('a fault', () => {
  const effectsAfter = (demo: DemoTargets) => demo.ledger('payments').effects.length;

  it('of status refuses without effect, with Retry-After and body as told', async () => {
    const demo = await start();
    await demo.setFault('payments', { status: 429, retryAfter: 'soon', body: 'slow down' });
    expect(await charge(demo, 'k1')).toEqual({
      kind: 'reply',
      status: 429,
      headers: { 'retry-after': 'soon' },
      body: 'slow down',
    });
    await demo.setFault('payments', { status: 503, body: { why: 'maintenance' } });
    expect(bodyOf(await charge(demo, 'k1'))).toEqual({ why: 'maintenance' });
    expect(effectsAfter(demo)).toBe(0);
  });

  it('of latency waits before the effect, a late one after it', async () => {
    const demo = await start();
    await demo.setFault('payments', { latencyMs: 10_000 });
    expect(await charge(demo, 'k1', 100)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(effectsAfter(demo)).toBe(0);
    await demo.setFault('payments', { latencyMs: 10_000, late: true });
    expect(await charge(demo, 'k2', 100)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(effectsAfter(demo)).toBe(1);
    await demo.setFault('payments', { latencyMs: 100 });
    const begun = performance.now();
    expect(statusOf(await charge(demo, 'k3'))).toBe(201);
    expect(performance.now() - begun).toBeGreaterThan(95);
  });

  it('of latency takes effect although the caller has gone', async () => {
    const demo = await start();
    await demo.setFault('payments', { latencyMs: 150 });
    expect(await charge(demo, 'k1', 50)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect.poll(() => effectsAfter(demo)).toBe(1);
  });

  it('that hangs never answers, without effect', async () => {
    const demo = await start();
    await demo.setFault('payments', { hang: true });
    expect(await charge(demo, 'k1', 100)).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'unknown' });
    await demo.heal('payments');
    expect(statusOf(await charge(demo, 'k1'))).toBe(201);
    expect(effectsAfter(demo)).toBe(1);
  });

  it('that drips sends its headers at once and the body too slowly, after the effect', async () => {
    const demo = await start();
    await demo.setFault('payments', { drip: true });
    expect(await charge(demo, 'k1', 200)).toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 201 });
    expect(effectsAfter(demo)).toBe(1);
  });

  it.each([
    ['before', 0],
    ['after', 1],
  ] as const)('that drops the connection %s the effect leaves %i', async (drop, effects) => {
    const demo = await start();
    await demo.setFault('payments', { drop });
    expect(await charge(demo, 'k1')).toMatchObject({ code: 'CONNECTION_BROKEN', sent: 'unknown' });
    expect(effectsAfter(demo)).toBe(effects);
  });

  it.each([
    ['json', /^\{"orderId"[^}]*$/],
    ['schema', /^\{"result"/],
    ['empty', /^$/],
    ['html', /^<!doctype html>/],
  ] as const)('of a malformed reply (%s) comes after the effect', async (malformed, body) => {
    const demo = await start();
    await demo.setFault('payments', { malformed });
    expect(await charge(demo, 'k1')).toMatchObject({ status: 200, body: expect.stringMatching(body) });
    expect(effectsAfter(demo)).toBe(1);
  });

  it('of a huge reply is over the limit', async () => {
    const demo = await start();
    await demo.setFault('payments', { malformed: 'huge' });
    expect(await charge(demo, 'k1')).toMatchObject({ code: 'REPLY_TOO_LARGE' });
    expect(effectsAfter(demo)).toBe(1);
  });

  it('heals after its times, touches only the paths it matches, and several follow one another', async () => {
    const demo = await start();
    await demo.setFault('payments', { status: 500, match: '/refunds' });
    expect(statusOf(await charge(demo))).toBe(201);
    await demo.setFault('payments', [
      { status: 503, times: 2 },
      { status: 400, times: 1 },
    ]);
    const seen: unknown[] = [];
    for (let call = 0; call < 4; call += 1) seen.push(statusOf(await charge(demo)));
    expect(seen).toEqual([503, 503, 400, 201]);
  });

  it('is set, seen and healed over HTTP', async () => {
    const demo = await start();
    const faults = `${demo.server('payments').url}/faults`;
    expect(await send(faults, 'PUT', { status: 500, times: 2 })).toMatchObject({ status: 200 });
    await charge(demo);
    expect((await send(faults, 'GET')).json).toEqual({ faults: [{ status: 500, times: 1 }] });
    expect((await send(faults, 'DELETE')).json).toEqual({ faults: [] });
    expect(statusOf(await charge(demo))).toBe(201);
    expect(demo.ledger('payments').calls).toBe(2);
  });

  it.each<[unknown, RegExp]>([
    ['{', /not JSON/],
    [{ stauts: 500 }, /"stauts"/],
    [{ status: '500' }, /"status": expected number/],
    [{ status: 99 }, /"status"/],
    [{}, /expected latencyMs or one of/],
    [{ times: 1 }, /expected latencyMs or one of/],
    [{ status: 500, hang: true }, /status and hang exclude each other/],
    [{ hang: true, late: true }, /late needs latencyMs/],
    [{ status: 500, late: true, latencyMs: 5 }, /late says/],
    [{ hang: true, retryAfter: '1' }, /need status/],
    [{ status: 500, retryAfter: 'a\nb' }, /"retryAfter"/],
    [{ down: true, times: 1 }, /down stands alone/],
    [[{ status: 500 }, { down: true }], /down stands alone/],
    [[{ status: 500 }, { status: true }], /"1.status"/],
  ])('%j is refused and says why', async (fault, why) => {
    const demo = await start();
    for (const url of [`${demo.server('payments').url}/faults`, `${demo.admin.url}/faults/payments`]) {
      const { status, json } = await send(url, 'PUT', fault);
      expect(status).toBe(400);
      expect(json.error).toMatch(why);
    }
    expect(statusOf(await charge(demo))).toBe(201);
  });
});

describe('a target that is down', () => {
  it('refuses connections until it is healed, on the port it had, and remembers its keys', async () => {
    const demo = await start();
    const { url } = demo.server('payments');
    const first = await charge(demo, 'k1');
    expect(await send(`${url}/faults`, 'PUT', { down: true })).toMatchObject({ status: 200 });
    await expect.poll(() => charge(demo, 'k2')).toMatchObject({ code: 'CONNECTION_FAILED', sent: 'no' });
    expect(await send(`${demo.admin.url}/faults/payments`, 'DELETE')).toMatchObject({ status: 200 });
    expect(demo.server('payments').url).toBe(url);
    expect(await charge(demo, 'k1')).toEqual(first);
  });

  it('breaks the calls under way, which then have no effect, and their keys are free again', async () => {
    const demo = await start();
    await demo.setFault('payments', { latencyMs: 5_000 });
    const call = charge(demo, 'k1', 10_000);
    await expect.poll(() => demo.ledger('payments').calls).toBe(1);
    await demo.setFault('payments', { down: true });
    expect(await call).toMatchObject({ code: 'CONNECTION_BROKEN' });
    expect(demo.ledger('payments').effects).toEqual([]);
    await demo.heal();
    expect(statusOf(await charge(demo, 'k1'))).toBe(201);
  });

  it('can go down and come back in any order and haste', async () => {
    const demo = await start();
    await Promise.all([
      demo.setFault('payments', { down: true }),
      demo.heal('payments'),
      demo.setFault('payments', { down: true }),
      demo.heal('payments'),
    ]);
    expect(statusOf(await charge(demo))).toBe(201);
  });
});

describe('the administration', () => {
  it('shows every target, and heals them all', async () => {
    const demo = await start();
    await send(`${demo.admin.url}/faults/mail`, 'PUT', { down: true });
    await send(`${demo.admin.url}/faults/sms`, 'PUT', { hang: true });
    expect((await send(demo.admin.url, 'GET')).json).toMatchObject({
      targets: {
        payments: { url: demo.server('payments').url, faults: [] },
        mail: { faults: [{ down: true }] },
        sms: { faults: [{ hang: true }] },
      },
    });
    expect((await send(`${demo.admin.url}/faults`, 'DELETE')).json).toMatchObject({ mail: [], sms: [] });
    expect(await send(`${demo.server('mail').url}/messages`, 'POST', {})).toMatchObject({ status: 201 });
  });

  it('names the targets there are when asked for another, and the ways it has', async () => {
    const demo = await start();
    expect(await send(`${demo.admin.url}/faults/paypal`, 'DELETE')).toMatchObject({
      status: 404,
      json: { error: expect.stringMatching(/"paypal".*payments, shipping/) },
    });
    expect(await send(`${demo.admin.url}/fault`, 'GET')).toMatchObject({ status: 404 });
    expect(() => demo.server('paypal')).toThrow(/"paypal".*payments, shipping/);
  });
});

it('close ends hanging calls, and a heal after it opens nothing', async () => {
  const demo = await startDemoTargets();
  await demo.setFault('payments', { hang: true });
  const call = charge(demo, 'k1', 10_000);
  await expect.poll(() => demo.ledger('payments').calls).toBe(1);
  await demo.close();
  expect(await call).toMatchObject({ code: 'CONNECTION_BROKEN' });
  await demo.heal();
  expect(await charge(demo, 'k1')).toMatchObject({ code: 'CONNECTION_FAILED' });
});
