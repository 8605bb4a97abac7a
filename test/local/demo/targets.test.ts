import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseTargets } from '../../../lib/adapters/targets/settings.ts';
import { startDemoTargets } from '../../../lib/local/demo/targets.ts';
import { closers } from '../../support/closers.ts';
import { bodyOf, CHARGE, charge, send, start, statusOf } from './support.ts';

describe('each demo target', () => {
  it.each<[string, string, object, Record<string, unknown>]>([
    ['payments', '/charges', CHARGE, { orderId: /^ord_/, receiptUrl: /^https:/ }],
    [
      'shipping',
      '/shipments',
      { orderId: 'o', address: 'a' },
      { trackingId: /^trk_/, estimatedDelivery: /^\d{4}-\d\d-\d\d$/ },
    ],
    ['mail', '/messages', { email: 'a@b.example' }, { messageId: /^msg_/ }],
    ['identity', '/verifications', { email: 'a@b.example' }, { verificationId: /^ver_/, verified: true }],
    ['accounts', '/accounts', {}, { accountId: /^acc_/ }],
    ['crm', '/contacts', { email: 'a@b.example' }, { contactId: /^con_/, company: 'b.example' }],
    ['analytics', '/profiles', {}, { profileId: /^pro_/, segment: /^(new|growing|loyal)$/ }],
    ['billing', '/customers', {}, { customerId: /^cus_/ }],
    ['sms', '/texts', {}, { textId: /^txt_/ }],
    ['push', '/pushes', {}, { pushId: /^psh_/ }],
  ])('%s answers POST %s with its fields and more', async (name, path, body, fields) => {
    const demo = await start();
    const { status, json } = await send(demo.server(name).url + path, 'POST', body);
    expect(status).toBe(201);
    for (const [field, wanted] of Object.entries(fields)) {
      if (wanted instanceof RegExp) expect(json[field]).toMatch(wanted);
      else expect(json[field]).toBe(wanted);
    }
    expect(Object.keys(json).length).toBeGreaterThan(Object.keys(fields).length);
  });

  it('has settings that the real thing accepts, and its own port', async () => {
    const demo = await start();
    expect(parseTargets(demo.targets, {})).toEqual(demo.targets);
    expect(demo.targets.payments?.baseUrl).toBe(demo.server('payments').url);
    expect(new Set(Object.values(demo.targets).map(({ baseUrl }) => baseUrl)).size).toBe(10);
  });

  it('refuses what it does not offer, without effect', async () => {
    const demo = await start();
    const { url } = demo.server('payments');
    expect(await send(`${url}/charge`, 'POST', {})).toMatchObject({ status: 404 });
    expect(await send(`${url}/charges`, 'PUT', {})).toMatchObject({ status: 405 });
    expect(await send(`${url}/charges`, 'POST', '{')).toMatchObject({ status: 400 });
    expect(await send(`${url}/charges`, 'POST', [])).toMatchObject({ status: 400 });
    expect(demo.ledger('payments')).toEqual({ effects: [], calls: 4 });
  });

  it('listens where it is told, and elsewhere when that port is taken', async () => {
    const first = (await start()).admin.port;
    const demo = await start({ ports: { first } });
    expect(demo.admin.port).not.toBe(first);
    expect(await send(demo.admin.url, 'GET')).toMatchObject({ status: 200 });
    const other = await startDemoTargets();
    const free = other.server('mail').port;
    await other.close();
    expect((await start({ ports: { first: free } })).admin.port).toBe(free);
  });

  it('listens elsewhere when there is no port left', async () => {
    const demo = await start({ ports: { first: 65_530 } });
    expect(await send(demo.server('mail').url, 'GET')).toMatchObject({ status: 404 });
    expect(new Set(Object.values(demo.targets).map(({ baseUrl }) => baseUrl)).size).toBe(10);
  });
});

describe('the idempotency key', () => {
  it('gets the first reply again, with one effect', async () => {
    const demo = await start();
    const first = await charge(demo, 'k1');
    expect(await charge(demo, 'k1')).toEqual(first);
    const other = await charge(demo, 'k2');
    expect(bodyOf(other)).not.toEqual(bodyOf(first));
    expect(demo.ledger('payments')).toMatchObject({
      calls: 3,
      effects: [
        { key: 'k1', path: '/charges', times: 1 },
        { key: 'k2', path: '/charges', times: 1 },
      ],
    });
  });

  it('of a call still under way is a 409', async () => {
    const demo = await start();
    await demo.setFault('payments', { latencyMs: 200, times: 1 });
    const first = charge(demo, 'k1');
    await expect.poll(() => demo.ledger('payments').calls).toBe(1);
    // The call is counted before its body is read: only then is the key taken.
    await new Promise((done) => setTimeout(done, 50));
    expect(statusOf(await charge(demo, 'k1'))).toBe(409);
    expect(statusOf(await first)).toBe(201);
    expect(demo.ledger('payments').effects).toHaveLength(1);
  });

  it('that is missing makes every call an effect', async () => {
    const demo = await start();
    expect(bodyOf(await charge(demo))).not.toEqual(bodyOf(await charge(demo)));
    expect(demo.ledger('payments').effects).toMatchObject([
      { key: null, times: 1 },
      { key: null, times: 1 },
    ]);
  });
});

describe('the ledger', () => {
  it('is read over HTTP, holds the last digits of a card alone, and can be emptied', async () => {
    const demo = await start();
    await charge(demo, 'k1');
    const { url } = demo.server('payments');
    const { json } = await send(`${url}/ledger`, 'GET');
    expect(json).toEqual({
      calls: 1,
      effects: [
        {
          key: 'k1',
          method: 'POST',
          path: '/charges',
          body: { card: '…4242', amount: 12.5 },
          at: expect.stringMatching(/^\d{4}-.*Z$/),
          times: 1,
        },
      ],
    });
    expect(await send(`${demo.admin.url}/ledger`, 'GET')).toMatchObject({
      json: { payments: json, mail: { calls: 0 } },
    });
    expect(await send(`${url}/ledger`, 'DELETE')).toEqual({ status: 200, json: { effects: [], calls: 0 } });
  });

  const ledgerFile = (): string => {
    const directory = mkdtempSync(join(tmpdir(), 'stepline-ledger-'));
    closers.push(() => rmSync(directory, { recursive: true }));
    return join(directory, 'sub', 'ledger.jsonl');
  };

  it('in a file outlives a restart: old keys get their old replies, without another effect', async () => {
    const file = ledgerFile();
    const before = await startDemoTargets({ ledgerFile: file });
    const first = await charge(before, 'k1');
    await before.close();
    expect(readFileSync(file, 'utf8')).not.toContain(CHARGE.card);
    const after = await start({ ledgerFile: file });
    expect(await charge(after, 'k1')).toEqual(first);
    expect(after.ledger('payments').effects).toMatchObject([{ key: 'k1', times: 1 }]);
    expect(after.ledger('mail').effects).toEqual([]);
  });

  it('in a file holds nothing that is secret: not in paths, and not in replies, which are given again whole', async () => {
    const file = ledgerFile();
    const secrets = ['ada@example.com'];
    const caller = {
      name: 'sign-up/welcome',
      response: z.looseObject({ to: z.email() }),
      read: 'json',
      secrets,
    } as const;
    const demo = await start({ ledgerFile: file, findCaller: async () => caller });
    const { url } = demo.server('mail');
    const tell = async () =>
      await (
        await fetch(`${url}/messages`, {
          method: 'POST',
          headers: { 'idempotency-key': 'k' },
          body: JSON.stringify({ email: secrets[0] }),
        })
      ).json();
    expect(await tell()).toMatchObject({ to: 'ada@example.com' });
    expect(await tell()).toMatchObject({ to: 'ada@example.com' });
    await fetch(`${url}/messages/${encodeURIComponent('ada@example.com')}`);
    await fetch(`${url}/messages/ada@example.com`);
    expect(readFileSync(file, 'utf8')).not.toMatch(/ada(@|%40)example/);
    expect(demo.ledger('mail').effects.map(({ path }) => path)).toEqual([
      '/messages',
      '/messages/….com',
      '/messages/….com',
    ]);
  });

  it('in a file that ends in half a line forgets that line, which was never answered', async () => {
    const file = ledgerFile();
    const before = await startDemoTargets({ ledgerFile: file });
    await charge(before, 'k1');
    await before.close();
    appendFileSync(file, '{"target":"payments","key":"k2","pa');
    for (const effects of [2, 2]) {
      const after = await startDemoTargets({ ledgerFile: file });
      expect(statusOf(await charge(after, 'k2'))).toBe(201);
      expect(after.ledger('payments').effects).toHaveLength(effects);
      await after.close();
    }
  });

  it('in a file counts a second effect of a key, and stays empty once emptied', async () => {
    const file = ledgerFile();
    const before = await startDemoTargets({ ledgerFile: file });
    await charge(before, 'k1');
    await before.close();
    appendFileSync(file, readFileSync(file));
    const after = await startDemoTargets({ ledgerFile: file });
    expect(after.ledger('payments').effects).toMatchObject([{ times: 2 }, { times: 2 }]);
    await send(`${after.admin.url}/ledger/payments`, 'DELETE');
    await after.close();
    expect((await start({ ledgerFile: file })).ledger('payments').effects).toEqual([]);
  });

  it('in a file with a line that cannot be read says which', async () => {
    const file = ledgerFile();
    await (await startDemoTargets({ ledgerFile: file })).close();
    writeFileSync(file, '{"target":"mail","cleared":true}\nnonsense\n');
    await expect(startDemoTargets({ ledgerFile: file })).rejects.toThrow(`${file}:2 `);
  });
});
