import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain, target } from '../../lib/chain/index.ts';
import { answer, type Effects, everyFault, fakeTarget, type Targets } from '../../lib/testing/index.ts';
import { charges, messageOf, oneRequest, oneRun, order, shop, well } from './fixtures.ts';

const ofOrder = (targets: Targets) => everyFault(orderProcessing, { input: order, targets });
const base = { version: 1, start: '/api/one', input: z.strictObject({}) };
const ID = z.object({ id: z.string() });
const firstLine = async (work: Promise<unknown>): Promise<string> =>
  (await messageOf(work)).split('\n')[0] ?? '';

describe('every single fault over a chain', () => {
  it('comes to its end, and tells what was played', async () => {
    const { plans, moments, completed, cancelled, resumed } = await ofOrder(well);
    // Fewer would mean that faults or moments have been taken out.
    expect(moments).toBeGreaterThan(25);
    expect(plans).toBeGreaterThan(6 * moments);
    expect(completed + cancelled).toBe(plans);
    expect(cancelled).toBeGreaterThan(10);
    expect(resumed).toBeGreaterThan(5);
  });

  it('has fakes of its own in each run, where a function makes them', async () => {
    let made = 0;
    const targets = () => {
      made += 1;
      let orders = 0;
      const charge = () => {
        orders += 1;
        return { orderId: `o-${orders}`, receiptUrl: 'https://receipts.example/1' };
      };
      return { ...well, payments: { ...charges, 'POST /charges': charge } };
    };
    const { plans } = await ofOrder(targets);
    // Twice without any fault: what differs between these is left to chance.
    expect(made).toBe(plans + 2);
  });

  it('is resumed with what the books of a target say that takes no keys', async () => {
    const sms = target('sms', { idempotency: 'none' });
    const texting = chain('texting', base)
      .step('text', { request: () => sms.post('/texts', { to: 'Ada' }), response: ID })
      .step('note', { request: ({ results }) => shop.post('/notes', results.text), response: ID })
      .output(({ results }) => ({ note: results.note?.id ?? null }));
    const fakes = { sms: { 'POST /texts': { id: 't-1' } }, shop: { 'POST /notes': { id: 'n-1' } } };
    const { resumed } = await everyFault(texting, { targets: fakes });
    expect(resumed).toBeGreaterThan(10);
  });

  it('lets what is drawn by chance be another each time', async () => {
    const drawing = oneRun(async () => ({ id: randomUUID() }));
    await everyFault(drawing, { targets: {} });
  });
});

describe('an effect that happens twice is found', () => {
  it('where the target reads its key from another header', async () => {
    const message = await messageOf(ofOrder({ ...well, mail: fakeTarget({ header: 'x-key' }, well.mail) }));
    expect(message).toMatch(
      /^order-processing, where the target "mail" acts and says that it is too busy \(moment \d+\): the effect of step "confirmation" happened twice: POST \/messages of "mail" \(which reads its key from the header "x-key"\) after \d\.\d+ s without an idempotency key, and POST .* without an idempotency key\.\n/,
    );
    // The trace, with the fault in its place.
    expect(message).toMatch(/ s {2}#\d+ target mail acts and says that it is too busy\n/);
    expect(message).toMatch(/ s {2}POST \/messages of "mail".* is done, without a key\n/);
    expect(message).toMatch(/ s {2}confirmation#2 writeStep confirmation retrying -> running: done\n/);
  });

  it('where the target takes no key, and the chain says it does', async () => {
    expect(await firstLine(ofOrder({ ...well, payments: fakeTarget('none', well.payments) }))).toMatch(
      'the effect of step "payment" happened twice',
    );
  });

  it('where the target forgets keys sooner than the chain says', async () => {
    expect(
      await firstLine(ofOrder({ ...well, payments: fakeTarget({ lifetime: 10 }, well.payments) })),
    ).toMatch(
      /the effect of step "payment" happened twice: .* under wf_\w+:payment:do:0, and .* under wf_\w+:payment:do:0/,
    );
  });

  it('where code calls with a key of its own, and not where it takes the one of its step', async () => {
    const booking = (keyOf: (idempotencyKey: string) => string) => {
      let tell: Effects['acted'] = () => undefined;
      const books = chain('books', base).step('book', {
        run: async ({ idempotencyKey }) => {
          tell('a booking', keyOf(idempotencyKey));
          return { id: 'b-1' };
        },
        response: ID,
      }).definition;
      return everyFault(books, {
        targets: ({ acted }) => {
          tell = acted;
          return {};
        },
      });
    };
    expect(await firstLine(booking(() => randomUUID()))).toMatch(
      /^books, where the code of step "book" throws when it has done all \(moment \d+\): a booking happened twice/,
    );
    await booking((idempotencyKey) => idempotencyKey);
  });
});

describe('a workflow that goes astray is found', () => {
  it('where its request is another at each attempt', async () => {
    const drifting = oneRequest(() => shop.post('/orders', { at: Math.random() }));
    const targets = { shop: { 'POST /orders': { id: 'o-1' } } };
    expect(await firstLine(everyFault(drifting, { targets }))).toMatch(
      /^one, where .*: though it was resumed 3 times, the workflow is failed \(one failed\)\. The last error is REQUEST_CHANGED of one/,
    );
  });

  it('where its output depends on how often its code runs', async () => {
    let runs = 0;
    const counting = oneRun(async () => {
      runs += 1;
      return { id: `r-${runs}` };
    });
    const targets = () => {
      runs = 0;
      return {};
    };
    expect(await firstLine(everyFault(counting, { targets }))).toMatch(
      'the output has another id: "r-2", and without the fault "r-1".',
    );
  });

  it('where it does not come to its end without any fault', async () => {
    const message = await firstLine(ofOrder({ ...well, mail: { 'POST /messages': answer(422) } }));
    expect(message).toMatch(
      'order-processing, without any fault: though it was resumed 3 times, the workflow is failed',
    );
    const { mail: _, ...others } = well;
    expect(await firstLine(ofOrder(others))).toMatch('no fake answers POST /messages of target "mail"');
  });

  it('where the start is refused', async () => {
    const refused = everyFault(orderProcessing, { input: { ...order, amount: 0 }, targets: well });
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await messageOf(refused)).toContain('amount: Too small');
  });
});
