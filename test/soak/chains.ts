import type { WorkflowStatus } from '../../lib/contract/names.ts';

/** What no workflow leaves any more. */
export const ENDED = ['completed', 'cancelled', 'compensated'] as const satisfies readonly WorkflowStatus[];
export type Ended = (typeof ENDED)[number];

/** A step as the ledgers and the answers must show it, written down apart from the chain that is tried. */
export interface SoakStep {
  readonly name: string;
  readonly target: string;
  readonly after: readonly string[];
  /** Seconds. */
  readonly timeout: number;
  /** Fields of the call and where each comes from: the input, or the reply that an earlier step got. */
  readonly carries: Readonly<Record<string, Source>>;
  /** Its target takes back what it did. */
  readonly undo?: true;
}

/** `input.<field>`, or `<step>.<field>` of its reply. */
export type Source = `${string}.${string}`;

export interface SoakChain {
  readonly name: string;
  readonly path: string;
  readonly steps: readonly SoakStep[];
  /** Fields of an answer, and where each comes from. */
  readonly shows: Readonly<Record<string, Source>>;
  /** No two inputs are alike, so that a result in the wrong workflow is found. */
  input(number: number): Readonly<Record<string, unknown>>;
}

const emailOf = (number: number): string => `soak-${number}@example.com`;

/** The chains that `npm start` serves. */
export const SOAK_CHAINS: readonly SoakChain[] = [
  {
    name: 'order-processing',
    path: '/api/process-order',
    steps: [
      {
        name: 'payment',
        target: 'payments',
        after: [],
        timeout: 30,
        // Of the card a ledger keeps the end alone.
        carries: { amount: 'input.amount' },
        undo: true,
      },
      {
        name: 'shipment',
        target: 'shipping',
        after: ['payment'],
        timeout: 30,
        carries: { orderId: 'payment.orderId', address: 'input.address' },
        undo: true,
      },
      {
        name: 'confirmation',
        target: 'mail',
        after: ['shipment'],
        timeout: 15,
        carries: { email: 'input.email', trackingId: 'shipment.trackingId' },
      },
    ],
    shows: { orderId: 'payment.orderId', trackingId: 'shipment.trackingId' },
    input: (number) => ({
      card: '4242424242424242',
      amount: number + 0.5,
      address: `${number} Main Street`,
      email: emailOf(number),
    }),
  },
  {
    name: 'user-onboarding',
    path: '/api/onboard-user',
    steps: [
      {
        name: 'verify',
        target: 'identity',
        after: [],
        timeout: 30,
        carries: { name: 'input.name', email: 'input.email' },
      },
      {
        name: 'provision',
        target: 'accounts',
        after: ['verify'],
        timeout: 30,
        carries: { name: 'input.name', email: 'input.email', verificationId: 'verify.verificationId' },
        undo: true,
      },
      {
        name: 'welcome',
        target: 'mail',
        after: ['provision'],
        timeout: 15,
        carries: { email: 'input.email', accountId: 'provision.accountId' },
      },
    ],
    shows: { accountId: 'provision.accountId' },
    input: (number) => ({ name: `Ada ${number}`, email: emailOf(number) }),
  },
  {
    name: 'data-enrichment',
    path: '/api/enrich-customer',
    steps: [
      {
        name: 'crm',
        target: 'crm',
        after: [],
        timeout: 30,
        carries: { email: 'input.email', name: 'input.name' },
      },
      {
        name: 'analytics',
        target: 'analytics',
        after: ['crm'],
        timeout: 30,
        carries: { contactId: 'crm.contactId', company: 'crm.company' },
      },
      {
        name: 'billing',
        target: 'billing',
        after: ['analytics'],
        timeout: 30,
        carries: { email: 'input.email', contactId: 'crm.contactId', segment: 'analytics.segment' },
      },
    ],
    shows: {
      contactId: 'crm.contactId',
      company: 'crm.company',
      segment: 'analytics.segment',
      customerId: 'billing.customerId',
    },
    input: (number) => ({ name: `Ada ${number}`, email: emailOf(number) }),
  },
  {
    name: 'notifications',
    path: '/api/send-notifications',
    steps: [
      {
        name: 'mail',
        target: 'mail',
        after: [],
        timeout: 30,
        carries: { email: 'input.email', text: 'input.text' },
      },
      {
        name: 'sms',
        target: 'sms',
        after: [],
        timeout: 30,
        carries: { phone: 'input.phone', text: 'input.text' },
      },
      {
        name: 'push',
        target: 'push',
        after: [],
        timeout: 30,
        carries: { device: 'input.device', text: 'input.text' },
      },
    ],
    shows: { messageId: 'mail.messageId', textId: 'sms.textId', pushId: 'push.pushId' },
    input: (number) => ({
      email: emailOf(number),
      phone: '+14155550100',
      device: `device-${number}`,
      text: `Message ${number}`,
    }),
  },
];

/** Every target that a chain calls. */
export const SOAK_TARGETS: readonly string[] = [
  ...new Set(SOAK_CHAINS.flatMap(({ steps }) => steps.map(({ target }) => target))),
];
