import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../lib/cdk/settings.ts';
import type { ChainDefinition } from '../../lib/chain/index.ts';
import { stepPlaces } from '../../lib/chain/places.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { undoing } from '../../lib/engine/undo/undoing.ts';
import { testDesk } from '../adapters/targets/desk.ts';
import { stages } from '../cdk/fixture-stages.ts';
import { outside, reply } from '../engine/call-fixtures.ts';
import { hubspotContact, targets as ofHubspot } from './recipes/hubspot.ts';
import { targets as ofPaypal, paypalCapture } from './recipes/paypal.ts';
import { targets as ofSendgrid, sendgridMail } from './recipes/sendgrid.ts';
import { targets as ofSoap, soapOrder } from './recipes/soap.ts';
import { targets as ofSquare, squarePayment } from './recipes/square.ts';
import { targets as ofStripe, stripePayment } from './recipes/stripe.ts';
import { targets as ofTwilio, twilioMessage } from './recipes/twilio.ts';

const SECRETS = {
  ...{ 'stripe-key': 'sk_test', paypal: '{"id":"p-id","secret":"p-secret"}', square: 'sq', sendgrid: 'SG' },
  ...{ '/twilio/account': 'AC1', '/twilio/token': 'tw', hubspot: 'pat', erp: 'erp-pass' },
};

const page = readFileSync(join(import.meta.dirname, '../../docs/recipes.md'), 'utf8');
const textOf = (name: string): string =>
  readFileSync(join(import.meta.dirname, `recipes/${name}.ts`), 'utf8');

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

interface Recipe {
  readonly chain: ChainDefinition;
  readonly targets: object;
  readonly input: Readonly<Record<string, unknown>>;
  /** As the API documents it. */
  readonly answer: HttpOutcome;
  readonly result: unknown;
  /** What goes out. */
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string | RegExp;
}

const RECIPES: Readonly<Record<string, Recipe>> = {
  stripe: {
    ...{ chain: stripePayment, targets: ofStripe },
    input: { orderId: 'o-1', customer: 'cus_1', cents: 500 },
    answer: reply({
      id: 'pi_1',
      object: 'payment_intent',
      status: 'succeeded',
      client_secret: 'pi_1_secret',
    }),
    result: { id: 'pi_1', status: 'succeeded', client_secret: 'pi_1_secret' },
    url: 'https://api.stripe.com/v1/payment_intents',
    headers: {
      authorization: 'Bearer sk_test',
      'content-type': 'application/x-www-form-urlencoded',
      'idempotency-key': expect.stringMatching(/^wf_/),
    },
    body: 'amount=500&currency=eur&customer=cus_1&confirm=true&off_session=true&metadata%5Border%5D=o-1',
  },
  paypal: {
    ...{ chain: paypalCapture, targets: ofPaypal, input: { paypalOrder: '5O1' } },
    answer: reply({ id: '5O1', status: 'COMPLETED', purchase_units: [] }, 201),
    result: { id: '5O1', status: 'COMPLETED' },
    url: 'https://api-m.paypal.com/v2/checkout/orders/5O1/capture',
    headers: { authorization: 'Bearer t-1', 'paypal-request-id': expect.stringMatching(/^wf_/) },
    body: '{}',
  },
  square: {
    ...{ chain: squarePayment, targets: ofSquare, input: { card: 'cnon:ok', cents: 500 } },
    answer: reply({ payment: { id: 'sq_1', status: 'COMPLETED', amount_money: {} } }),
    result: { payment: { id: 'sq_1', status: 'COMPLETED' } },
    url: 'https://connect.squareup.com/v2/payments',
    headers: { authorization: 'Bearer sq' },
    body: /^\{"idempotency_key":"[0-9a-f]{32}","source_id":"cnon:ok","amount_money":\{"amount":500,"currency":"EUR"\}\}$/,
  },
  twilio: {
    ...{ chain: twilioMessage, targets: ofTwilio, input: { phone: '+1555', message: 'Hi & bye' } },
    answer: reply({ sid: 'SM1', status: 'queued' }, 201),
    result: { sid: 'SM1', status: 'queued' },
    url: 'https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json',
    headers: { authorization: basic('AC1:tw') },
    body: 'To=%2B1555&From=%2B15005550006&Body=Hi+%26+bye',
  },
  sendgrid: {
    ...{ chain: sendgridMail, targets: ofSendgrid },
    input: { email: 'a@example.com', subject: 'Hi', body: 'Text' },
    answer: reply('', 202, { headers: { 'x-message-id': 'm-1' } }),
    result: { messageId: 'm-1' },
    url: 'https://api.sendgrid.com/v3/mail/send',
    headers: { authorization: 'Bearer SG' },
    body: /^\{"personalizations":\[\{"to":\[\{"email":"a@example.com"\}\]\}\],"from"/,
  },
  hubspot: {
    ...{ chain: hubspotContact, targets: ofHubspot, input: { email: 'a@example.com', firstname: 'Ada' } },
    answer: reply(
      { status: 'error', message: 'Contact already exists. Existing ID: 512', category: 'CONFLICT' },
      409,
    ),
    result: { id: '512' },
    url: 'https://api.hubapi.com/crm/v3/objects/contacts',
    headers: { authorization: 'Bearer pat' },
    body: '{"properties":{"email":"a@example.com","firstname":"Ada"}}',
  },
  soap: {
    ...{ chain: soapOrder, targets: ofSoap, input: { sku: 'a<b' } },
    answer: reply('<s:Envelope><s:Body><OrderId>7</OrderId></s:Body></s:Envelope>'),
    result: '7',
    url: 'https://erp.example.com/OrderService.svc',
    headers: {
      authorization: basic('stepline:erp-pass'),
      soapaction: '"urn:erp:CreateOrder"',
      'content-type': 'text/xml; charset=utf-8',
    },
    body: /<Sku>a&#60;b<\/Sku>/,
  },
};

/** The first step of a recipe, run with these settings against an API that answers so. */
async function run({ chain, targets, input }: Recipe, answer: HttpOutcome) {
  const desk = testDesk({ ...SECRETS });
  desk.answers.push(reply({ access_token: 't-1', expires_in: 32_400 }));
  const made = outside();
  made.resolve = desk.targets(targets).resolve;
  made.answer = answer;
  const [step] = chain.steps;
  if (step === undefined) throw new Error('a recipe has a step');
  const result = await made.perform(step, { context: { input, results: {} } });
  return { result, request: made.calls[0]?.request };
}

describe.each(Object.entries(RECIPES))('the recipe for %s', (name, recipe) => {
  it('is the one that docs/recipes.md shows, and its step has at most 20 lines', () => {
    const [, code = '', settings = ''] =
      /\n\n(.*\n)\nexport const targets = \{\n(.*)\n\} as const;\n$/s.exec(textOf(name)) ?? [];
    expect(code.slice(code.indexOf('.step(')).trim().split('\n').length).toBeLessThanOrEqual(20);
    expect(page).toContain(
      `\`\`\`ts\n${code}\`\`\`\n\n\`\`\`ts\n${settings.replace(/^ {2}/gm, '')}\n\`\`\`\n`,
    );
  });

  it('sends what the API wants, with its secrets, and makes its reply a result', async () => {
    expect(recipe.chain.input.safeParse(recipe.input).success).toBe(true);
    const { result, request } = await run(recipe, recipe.answer);
    expect(result).toEqual({ ok: true, result: recipe.result });
    expect(request?.url).toBe(recipe.url);
    expect(request?.headers).toMatchObject(recipe.headers);
    expect(request?.body).toMatch(recipe.body);
  });

  it('fails by itself where the API says no', async () => {
    const { result } = await run(recipe, reply({ error: 'no' }, 422));
    expect(result).toMatchObject({ ok: false, failure: { code: 'REFUSED', acted: 'no' } });
  });

  it('can be deployed with these settings', () => {
    const targets: Record<string, never> = JSON.parse(JSON.stringify(recipe.targets));
    const settings = settingsOf({ ...stages, dev: { ...stages.dev, targets } }, 'dev');
    const [place] = stepPlaces([recipe.chain]);
    if (place === undefined) throw new Error('a recipe has a step');
    expect(place.targets).toEqual(Object.keys(targets));
    expect(Object.keys(settings.targets)).toEqual(place.targets);
  });
});

it('the undo of a payment by Stripe is a refund of what the step stored', async () => {
  const [step] = stripePayment.steps;
  if (step === undefined) throw new Error('a recipe has a step');
  const made = outside();
  const undone = { result: { id: 'pi_1' }, idempotencyKey: 'wf_1:payment:do:0' };
  const context = { input: {}, results: {}, undone };
  made.answer = reply({ id: 're_1', status: 'succeeded' });
  expect(await made.perform(undoing(step), { context })).toMatchObject({ ok: true });
  expect(made.calls[0]?.request).toMatchObject({ method: 'POST', body: 'payment_intent=pi_1' });
  expect(made.calls[0]?.request.url).toMatch(/\/refunds$/);
});

it('a SOAP fault of the client is refused, and one of the server is tried again', async () => {
  const { soap } = RECIPES;
  if (soap === undefined) throw new Error('there is a recipe for SOAP');
  const fault = (code: string) => reply(`<s:Fault><faultcode>s:${code}</faultcode></s:Fault>`, 500);
  expect((await run(soap, fault('Client'))).result).toMatchObject({
    failure: { code: 'REFUSED', acted: 'no' },
  });
  expect((await run(soap, fault('Server'))).result).toMatchObject({
    failure: { code: 'TARGET_UNAVAILABLE', retriable: true },
  });
});
