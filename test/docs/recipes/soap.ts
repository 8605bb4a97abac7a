import * as z from 'zod';
import { chain, refused, target, text } from '../../../lib/chain/index.ts';

const erp = target('erp', { idempotency: 'none' });
const xml = (value: string): string => value.replace(/[<>&"']/g, (one) => `&#${one.charCodeAt(0)};`);

export const soapOrder = chain('soap-order', {
  version: 1,
  start: '/api/soap-order',
  input: z.strictObject({ sku: z.string() }),
}).step('order', {
  request: ({ input }) =>
    erp.post(
      '/OrderService.svc',
      text(
        `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><CreateOrder xmlns="urn:erp"><Sku>${xml(input.sku)}</Sku></CreateOrder></s:Body></s:Envelope>`,
        'text/xml',
      ),
      { headers: { soapaction: '"urn:erp:CreateOrder"' } },
    ),
  read: 'text',
  // A fault of the client comes with status 500, which by itself would be tried again.
  reply: ({ body }, next) =>
    String(body).includes('<faultcode>s:Client')
      ? refused({ because: 'a fault of the client', acted: 'no' })
      : /<OrderId>([^<]+)/.exec(String(next()))?.[1],
  response: z.string(),
}).definition;

export const targets = {
  erp: {
    baseUrl: 'https://erp.example.com',
    auth: { type: 'basic', user: 'stepline', password: { store: 'secrets-manager', name: 'erp' } },
  },
} as const;
