import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, type RequestSpec, target } from '../../lib/chain/index.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { closers } from '../support/closers.ts';
import { stepline } from './stepline.ts';
import { goTool } from './tools/install.ts';
import { freePort, type Server, startServer } from './tools/server.ts';
import { withServer } from './tools/suite.ts';

/** What goes into a line of a mail's head is one line. Mailpit encodes line breaks, others make a header of what follows. */
const line = z.string().regex(/^\P{Cc}*$/u, 'expected one line, without control characters');

/** Mailpit knows no idempotency key: the same request again is a second mail. */
const mail = target('mail', { idempotency: 'none' });
/** The mistake of taking it for one that does. */
const trusted = target('mail');

const orderMail = (to: typeof mail) =>
  chain('order-mail', {
    version: 1,
    start: '/api/order-mail',
    input: z.strictObject({ name: line, email: z.email(), item: line }),
  })
    .step('payment', {
      request: ({ input }) =>
        target('payments').post('/charges', { card: '4242', amount: input.item.length }),
      response: z.object({ orderId: z.string() }),
    })
    .step('confirmation', {
      request: ({ input, results }) =>
        to.post('/api/v1/send', {
          From: { Email: 'shop@example.com', Name: 'Shop' },
          To: [{ Email: input.email, Name: input.name }],
          Subject: `Your order of ${input.item}`,
          Text: `Thank you, ${input.name}: ${results.payment.orderId} is on its way.`,
        }),
      response: z.object({ ID: z.string() }),
      timeout: 5,
    })
    .output(({ results }) => ({
      orderId: results.payment?.orderId ?? null,
      mail: results.confirmation?.ID ?? null,
    }));

const INPUT = { name: 'Ada Lövelace', email: 'ada@example.com', item: 'ten “pens” — 10 €' };

const mailbox = z.object({
  messages: z.array(
    z.object({ ID: z.string(), Subject: z.string(), To: z.array(z.object({ Address: z.string() })) }),
  ),
});
const message = z.object({ Text: z.string(), To: z.array(z.object({ Name: z.string() })) });
const output = z.object({ orderId: z.string(), mail: z.string() });

withServer('go', 'Mailpit', () => {
  let server: Server;
  beforeAll(async () => {
    const smtp = await freePort();
    server = await startServer('mailpit', (port, folder) => [
      goTool('mailpit'),
      ...['--listen', `127.0.0.1:${port}`, '--smtp', `127.0.0.1:${smtp}`],
      ...['--database', `${folder}/mails.db`, '--disable-version-check'],
    ]);
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    await fetch(`${server.url}/api/v1/messages`, { method: 'DELETE' });
  });

  const read = async (path: string): Promise<unknown> => (await fetch(`${server.url}/api/v1/${path}`)).json();
  const mails = async () => mailbox.parse(await read('messages')).messages;
  const started = (to: typeof mail, baseUrl = server.url) =>
    stepline([orderMail(to)], { mail: { baseUrl } }, ['payments']);

  /** Mailpit behind a proxy that loses its first replies: the mail is in the box, and nobody hears of it. */
  async function losing(replies: number): Promise<string> {
    let left = replies;
    const proxy = createServer(async (request, response) => {
      const { method = 'GET', url = '/', headers } = request;
      const body = await buffer(request);
      const reply = await fetch(server.url + url, {
        method,
        body: new Uint8Array(body),
        headers: { 'content-type': headers['content-type'] ?? '' },
      });
      const text = await reply.text();
      left -= 1;
      if (left >= 0) request.socket.destroy();
      else response.writeHead(reply.status, { 'content-type': 'application/json' }).end(text);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    return `http://127.0.0.1:${portOf(proxy)}`;
  }

  it('has the confirmation in its mailbox, as the chain wrote it', async () => {
    const { run } = await started(mail);
    const shown = await run('/api/order-mail', INPUT);
    expect(shown, JSON.stringify(shown.error)).toMatchObject({ status: 'completed' });
    const { mail: id, orderId } = output.parse(shown);
    expect(await mails()).toEqual([
      { ID: id, Subject: 'Your order of ten “pens” — 10 €', To: [{ Address: INPUT.email }] },
    ]);
    expect(message.parse(await read(`message/${id}`))).toEqual({
      Text: `Thank you, Ada Lövelace: ${orderId} is on its way.`,
      To: [{ Name: 'Ada Lövelace' }],
    });
  });

  it('gets nothing of a line break in what becomes its subject or a name: the start is refused', async () => {
    const { local } = await started(mail);
    for (const [field, wrong] of [
      ['item', 'pens\r\nBcc: eve@example.com'],
      ['name', 'Ada\nBcc: eve@example.com'],
    ] as const) {
      const reply = await fetch(`${local.baseUrl}/api/order-mail`, {
        method: 'POST',
        body: JSON.stringify({ ...INPUT, [field]: wrong }),
      });
      expect(reply.status).toBe(400);
      expect(JSON.stringify(await reply.json())).toContain(
        `"${field}","message":"expected one line, without control characters"`,
      );
    }
    expect(await mails()).toEqual([]);
  });

  describe('whose reply was lost', () => {
    it('has one mail of a target that takes no key: the step stops, and goes on when a person has said so', async () => {
      const { local, begin, ended } = await started(mail, await losing(1));
      const id = await begin('/api/order-mail', INPUT);
      expect(await ended(id)).toMatchObject({
        status: 'failed',
        steps: { payment: 'completed', confirmation: 'failed' },
        error: { code: 'CONNECTION_BROKEN', effect: 'unknown', attempts: 1, step: 'confirmation' },
      });
      const [sent, ...more] = await mails();
      expect(more).toEqual([]);
      const resumed = await fetch(`${local.baseUrl}/api/workflows/${id}/resume`, {
        method: 'POST',
        body: JSON.stringify({ steps: { confirmation: { done: { ID: sent?.ID } } } }),
      });
      expect(resumed.status, await resumed.text()).toBe(202);
      expect(await ended(id)).toMatchObject({ status: 'completed', mail: sent?.ID });
      expect(await mails()).toHaveLength(1);
    });

    it('has two of one that is said to take a key and does not: only the target can tell a repeat', async () => {
      const { run } = await started(trusted, await losing(1));
      expect(await run('/api/order-mail', INPUT)).toMatchObject({ status: 'completed' });
      expect(await mails()).toHaveLength(2);
    });
  });

  it.each<[string, () => RequestSpec, string]>([
    [
      'nobody to send it to',
      () => mail.post('/api/v1/send', { From: { Email: 'shop@example.com' }, Text: 'Hello' }),
      '400 Bad Request; the reply was: Error: error building message: no recipients (to, cc, bcc) set',
    ],
    [
      'a number for its subject',
      () => mail.post('/api/v1/send', { From: { Email: 'shop@example.com' }, Subject: 5 }),
      '400 Bad Request; the reply was: Error: json: cannot unmarshal number into Go struct field .Subject of type string',
    ],
  ])('refuses a mail with %s in its own words, and no mail is sent', async (_, request, detail) => {
    const wrong = chain('wrong-mail', { version: 1, start: '/api/wrong-mail', input: z.strictObject({}) });
    const { run } = await stepline([wrong.step('mail', { request }).definition], {
      mail: { baseUrl: server.url },
    });
    expect(await run('/api/wrong-mail', {})).toMatchObject({
      status: 'failed',
      error: { code: 'REFUSED', effect: 'none', detail },
    });
    expect(await mails()).toEqual([]);
  });
});
