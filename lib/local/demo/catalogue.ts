import { DAY_MS } from '../../contract/limits.ts';

/** What a reply is made of. `id` gives the same id for the same call however often it is asked. */
export interface DemoCall {
  /** The fields of the body, or of the query where there is no body. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly at: number;
  id(prefix: string): string;
}

/** A route of a target. Replies hold more than the chains declare, as replies of real APIs do. */
export interface DemoRoute {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  reply(call: DemoCall): Readonly<Record<string, unknown>>;
}

/** A route that takes back what another one did. It is told what, by an id of the reply or by the idempotency key of the call. */
export interface UndoRoute extends DemoRoute {
  /** The field that holds the id. */
  readonly id: string;
  /** The field that holds the key. */
  readonly key: string;
}

/** What a target offers: a route, and perhaps one that takes back what the first did, or that says what it did. */
export interface DemoTarget extends DemoRoute {
  readonly undoes?: UndoRoute;
  /** A GET of the same path answers what a call did: of the idempotency key that this parameter of the query has. */
  readonly looksUp?: string;
}

const SEGMENTS = ['new', 'growing', 'loyal'] as const;

const companyOf = (email: unknown): string =>
  typeof email === 'string' && email.includes('@') ? email.slice(email.lastIndexOf('@') + 1) : 'unknown';

const segmentOf = (profileId: string): string =>
  SEGMENTS[(profileId.codePointAt(profileId.length - 1) ?? 0) % SEGMENTS.length] ?? SEGMENTS[0];

const posted = (
  path: string,
  reply: DemoRoute['reply'],
  more: Pick<DemoTarget, 'undoes' | 'looksUp'> = {},
): DemoTarget => ({ method: 'POST', path, reply, ...more });

const refund: UndoRoute = {
  ...{ method: 'POST', path: '/refunds', id: 'charge', key: 'chargeKey' },
  reply: ({ id, body }) => ({ refundId: id('ref'), amount: body.amount, currency: 'EUR' }),
};
const cancellation: UndoRoute = {
  ...{ method: 'POST', path: '/cancellations', id: 'trackingId', key: 'shipmentKey' },
  reply: ({ id }) => ({ cancellationId: id('can'), carrier: 'Demo Parcel' }),
};
const deletion: UndoRoute = {
  ...{ method: 'DELETE', path: '/accounts', id: 'accountId', key: 'accountKey' },
  reply: () => ({ deleted: true }),
};

/** Every demo target. A chain that calls another one needs a line here, and nothing else. */
export const DEMO_TARGETS = {
  payments: posted(
    '/charges',
    ({ id, body }) => ({
      orderId: id('ord'),
      receiptUrl: `https://receipts.example/${id('ord')}`,
      amount: body.amount,
      currency: 'EUR',
      livemode: false,
    }),
    { undoes: refund, looksUp: 'key' },
  ),
  shipping: posted(
    '/shipments',
    ({ id, at, body }) => ({
      trackingId: id('trk'),
      estimatedDelivery: new Date(at + 3 * DAY_MS).toISOString().slice(0, 10),
      orderId: body.orderId,
      carrier: 'Demo Parcel',
    }),
    { undoes: cancellation },
  ),
  mail: posted('/messages', ({ id, body }) => ({ messageId: id('msg'), to: body.email, queued: true })),
  identity: posted('/verifications', ({ id, at }) => ({
    verificationId: id('ver'),
    verified: true,
    method: 'document',
    checkedAt: new Date(at).toISOString(),
  })),
  accounts: posted('/accounts', ({ id }) => ({ accountId: id('acc'), plan: 'free' }), { undoes: deletion }),
  crm: posted('/contacts', ({ id, body }) => ({
    contactId: id('con'),
    company: companyOf(body.email),
    source: 'demo',
  })),
  analytics: posted('/profiles', ({ id }) => ({
    profileId: id('pro'),
    segment: segmentOf(id('pro')),
    visits: 0,
  })),
  billing: posted('/customers', ({ id }) => ({ customerId: id('cus'), balance: 0 })),
  sms: posted('/texts', ({ id }) => ({ textId: id('txt'), parts: 1 })),
  push: posted('/pushes', ({ id }) => ({ pushId: id('psh'), platform: 'any' })),
} as const satisfies Readonly<Record<string, DemoTarget>>;
