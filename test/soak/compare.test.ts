import { describe, expect, it } from 'vitest';
import type { WorkflowStatus } from '../../lib/contract/names.ts';
import { type WorkflowAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { DEMO_TARGETS } from '../../lib/local/demo/catalogue.ts';
import { hex } from '../ports/store/fixtures.ts';
import { chains } from '../support/shipped-chains.ts';
import { SOAK_CHAINS, type SoakChain } from './chains.ts';
import { type Accepted, type Answers, type Comparison, compare, type LedgerEntry } from './compare.ts';

const orders = SOAK_CHAINS.find(({ name }) => name === 'order-processing');
if (orders === undefined) throw new Error('the soak has no orders');
const input = orders.input(1);
const ID = `wf_${hex('one')}`;
const OTHER = `wf_${hex('other')}`;

const payment: LedgerEntry = {
  target: 'payments',
  key: `${ID}:payment:do:0`,
  body: { card: '…4242', amount: input.amount },
  reply: { orderId: 'ord_1', receiptUrl: 'https://receipts.example/ord_1' },
};
const shipment: LedgerEntry = {
  target: 'shipping',
  key: `${ID}:shipment:do:0`,
  body: { orderId: 'ord_1', address: input.address },
  reply: { trackingId: 'trk_1', estimatedDelivery: '2026-01-01' },
};
const confirmation: LedgerEntry = {
  target: 'mail',
  key: `${ID}:confirmation:do:0`,
  body: { email: input.email, trackingId: 'trk_1' },
  reply: { messageId: 'msg_1' },
};
const LEDGER = [payment, shipment, confirmation];

const undoOf = ({ target, key }: LedgerEntry): LedgerEntry => ({
  ...{ target, key: key.replace(':do:', ':undo:'), body: {}, reply: {}, undoes: key },
});
const UNDONE = [payment, shipment, undoOf(shipment), undoOf(payment)];

const DONE = { payment: 'completed', shipment: 'completed', confirmation: 'completed' } as const;
const shownAs = (status: WorkflowStatus, fields: object = {}): WorkflowAnswer =>
  workflowAnswer.parse({
    workflowId: ID,
    chain: 'order-processing',
    status,
    steps: DONE,
    orderId: 'ord_1',
    trackingId: 'trk_1',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:01.000Z',
    ...fields,
  });

/** One order that was accepted and completed, but for what is given. */
const acceptedAs = (changes: Partial<Accepted> = {}): Accepted => ({
  id: ID,
  chain: orders,
  input,
  promised: { completedSteps: new Set(), ended: undefined },
  shown: shownAs('completed'),
  ...changes,
});
const answersOf = (changes: Partial<Accepted> = {}, listed?: Answers['listed']): Answers => {
  const one = acceptedAs(changes);
  return {
    accepted: [one],
    listed: listed ?? new Map(one.shown === undefined ? [] : [[ID, one.shown.status]]),
  };
};

const NOTHING: Comparison = { duplicates: [], lost: [], outOfOrder: [], mismatches: [] };
const found = (sort: keyof Comparison, what: string, workflowId = ID): Comparison => ({
  ...NOTHING,
  [sort]: [{ workflowId, what }],
});

const CANCELLED = {
  steps: { payment: 'completed', shipment: 'cancelled', confirmation: 'cancelled' },
  trackingId: null,
};

const COMPENSATED = {
  steps: { payment: 'completed', shipment: 'completed', confirmation: 'failed' },
};
const compensated = answersOf({ shown: shownAs('compensated', COMPENSATED) });

describe('what is in order is not complained of', () => {
  it.each<[string, readonly LedgerEntry[], Answers]>([
    ['a completed order, each effect once', LEDGER, answersOf()],
    [
      'an order cancelled after its payment',
      [payment],
      answersOf({ shown: shownAs('cancelled', CANCELLED) }),
    ],
    [
      'an order cancelled while its shipment was under way, which took effect all the same',
      [payment, shipment],
      answersOf({ shown: shownAs('cancelled', CANCELLED) }),
    ],
    [
      'a step that was refused under its first key, and took effect under the second',
      [payment, { ...shipment, key: `${ID}:shipment:do:1` }, confirmation],
      answersOf(),
    ],
    ['an order that was taken back, the last step first', UNDONE, compensated],
    [
      'an order closed when its second undo had failed',
      [payment, shipment, undoOf(shipment)],
      answersOf({ shown: shownAs('cancelled', COMPENSATED) }),
    ],
    ['nothing at all', [], { accepted: [], listed: new Map() }],
  ])('%s', (_, ledger, answers) => {
    expect(compare(ledger, answers)).toEqual(NOTHING);
  });
});

describe('what is wrong is found, and said', () => {
  it.each<[string, readonly LedgerEntry[], Answers, Comparison]>([
    [
      'a duplicate under another key',
      [...LEDGER, { ...payment, key: `${ID}:payment:do:1` }],
      answersOf(),
      found('duplicates', `payment took effect 2 times: ${ID}:payment:do:0, ${ID}:payment:do:1`),
    ],
    [
      'a duplicate under one key, of a target that does not honour it',
      [payment, ...LEDGER],
      answersOf(),
      found('duplicates', `payment took effect 2 times: ${ID}:payment:do:0, ${ID}:payment:do:0`),
    ],
    [
      'an accepted workflow that nobody knows',
      [],
      answersOf({ shown: undefined }),
      found('lost', 'it was accepted, and now it is unknown'),
    ],
    [
      'a workflow that never ends',
      LEDGER,
      answersOf({ shown: shownAs('processing') }),
      found('lost', 'it is still processing'),
    ],
    [
      'a workflow that the listing leaves out',
      LEDGER,
      answersOf({}, new Map()),
      found('lost', 'it is not listed'),
    ],
    [
      'a step that is shown completed and never took effect',
      [payment, shipment],
      answersOf(),
      found('lost', 'confirmation is shown completed, and its effect is missing'),
    ],
    [
      'an effect before the one that it depends on',
      [payment, confirmation, shipment],
      answersOf(),
      found('outOfOrder', 'confirmation took effect before shipment'),
    ],
    [
      'an effect without the one that it depends on',
      [payment, { ...confirmation, body: { email: input.email } }],
      answersOf({ shown: shownAs('cancelled', CANCELLED) }),
      found('outOfOrder', 'confirmation took effect without shipment'),
    ],
    [
      'an answer with another result than the target gave',
      LEDGER,
      answersOf({ shown: shownAs('completed', { trackingId: 'trk_2' }) }),
      found('mismatches', 'trackingId is shown as "trk_2", and is "trk_1"'),
    ],
    [
      'an answer that shows the result of a step that is not completed',
      [payment, shipment],
      answersOf({ shown: shownAs('cancelled', { ...CANCELLED, trackingId: 'trk_1' }) }),
      found('mismatches', 'trackingId is shown as "trk_1", and is null'),
    ],
    [
      'a call with the result of another workflow',
      [payment, { ...shipment, body: { ...shipment.body, orderId: 'ord_2' } }, confirmation],
      answersOf(),
      found('mismatches', 'shipment sent "ord_2" as orderId, not "ord_1"'),
    ],
    [
      'a call to the wrong target',
      [payment, shipment, { ...confirmation, target: 'sms' }],
      answersOf(),
      found('mismatches', 'confirmation took effect at sms'),
    ],
    [
      'a completed workflow with a step that is not',
      LEDGER,
      answersOf({ shown: shownAs('completed', { steps: { ...DONE, confirmation: 'pending' } }) }),
      found('mismatches', 'it is completed, and its step confirmation pending'),
    ],
    [
      'a completed step that was taken back',
      [payment],
      answersOf({
        promised: { completedSteps: new Set(['shipment']), ended: undefined },
        shown: shownAs('cancelled', CANCELLED),
      }),
      found('mismatches', 'shipment was shown completed, and now it is cancelled'),
    ],
    [
      'a cancelled workflow that went on',
      LEDGER,
      answersOf({ promised: { completedSteps: new Set(), ended: 'cancelled' } }),
      found('mismatches', 'it was shown cancelled, and now it is completed'),
    ],
    [
      'a workflow that is listed otherwise than it is shown',
      LEDGER,
      answersOf({}, new Map([[ID, 'failed']])),
      found('mismatches', 'it is listed as failed, and shown as completed'),
    ],
    [
      'a workflow shown as one of another chain',
      LEDGER,
      answersOf({ shown: shownAs('completed', { chain: 'notifications' }) }),
      found('mismatches', 'it is shown as notifications'),
    ],
    [
      'a listed workflow that nobody started',
      LEDGER,
      answersOf({}, new Map([[ID, 'completed'] as const, [OTHER, 'failed'] as const])),
      found('mismatches', 'it is listed, and nobody started it', OTHER),
    ],
    [
      'an effect that stands though its workflow was taken back',
      [payment, shipment, undoOf(shipment)],
      compensated,
      found('lost', 'it is compensated, and payment stands'),
    ],
    [
      'a second undo',
      [...UNDONE, { ...undoOf(payment), key: `${ID}:payment:undo:1` }],
      compensated,
      found(
        'duplicates',
        `the undo of payment took effect 2 times: ${ID}:payment:undo:0, ${ID}:payment:undo:1`,
      ),
    ],
    [
      'an undo that took back another effect',
      [payment, shipment, undoOf(shipment), { ...undoOf(payment), undoes: `${OTHER}:payment:do:0` }],
      compensated,
      found('mismatches', `the undo of payment took back ${OTHER}:payment:do:0 at payments`),
    ],
    [
      'an undo before that of a later step',
      [payment, shipment, undoOf(payment), undoOf(shipment)],
      compensated,
      found('outOfOrder', 'payment was undone before shipment:undo'),
    ],
    [
      'an effect after its undo',
      [payment, undoOf(shipment), shipment, undoOf(payment)],
      compensated,
      found('outOfOrder', 'shipment was undone before shipment'),
    ],
    [
      'an undo of an order that was not taken back',
      [...LEDGER, undoOf(shipment)],
      answersOf(),
      found('mismatches', 'shipment was undone, and the workflow is completed'),
    ],
    [
      'an effect for a workflow that nobody started',
      [...LEDGER, { ...payment, key: `${OTHER}:payment:do:0` }],
      answersOf(),
      found('mismatches', `an effect for ${OTHER}:payment, which nobody started`, OTHER),
    ],
  ])('%s', (_, ledger, answers, expected) => {
    expect(compare(ledger, answers)).toEqual(expected);
  });
});

describe('the soak tries every chain that is shipped', () => {
  it('each step after the same ones, under the same deadline, and with an undo where that has one', () => {
    const ours = SOAK_CHAINS.map(({ name, path, steps }: SoakChain) => ({
      ...{ name, start: path },
      steps: steps.map(({ name, after, timeout, undo = false }) => ({ name, after, timeout, undo })),
    }));
    const shipped = chains.map(({ name, start, steps }) => ({
      ...{ name, start },
      steps: steps.map(({ name, after, timeout, undo }) => ({
        ...{ name, after, timeout, undo: undo !== undefined },
      })),
    }));
    expect(shipped).toEqual(ours);
  });

  it.each(SOAK_CHAINS)(
    '$name: inputs that it takes, and targets that there are',
    ({ name, input, steps }) => {
      const schema = chains.find((chain) => chain.name === name)?.input;
      for (const number of [1, 2, 100_000]) expect(schema?.safeParse(input(number)).error).toBeUndefined();
      for (const { target } of steps) expect(Object.keys(DEMO_TARGETS)).toContain(target);
    },
  );
});
