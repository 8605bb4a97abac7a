import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import type { StepRecord, WorkflowMeta } from '../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, START } from '../ports/store/fixtures.ts';
import { chains } from '../support/shipped-chains.ts';
import { failedWorkflow, openStage, type TestStage } from './stage.ts';

const bank = target('bank');
const undone = { request: () => bank.post('/any'), undo: { request: () => bank.post('/undo') } };
/** Beyond its second step there is only forward. */
const transfer = chain('transfer', { version: 1, start: '/api/transfer', input: z.object({}) })
  .step('hold', undone)
  .step('pay', { request: () => bank.post('/pay'), pivot: true })
  .step('mail', { request: () => bank.post('/mail') }).definition;

export const openUndoStage = (): Promise<TestStage> => openStage(undefined, [...chains, transfer]);

export const PAID = completedOf('payment', { orderId: 'o-1', receiptUrl: 'https://pay.example/1' });

/** A workflow that failed at its shipment: the payment is done. */
export const FAILED = failedWorkflow('failed', {
  error: { code: 'REFUSED', message: 'no', httpStatus: 422, effect: 'none', step: 'shipment', attempts: 1 },
});

const { leaseUntil: _, ...ENDED } = claimOf('payment', { status: 'failed' });
/** The payment failed, and may have acted. */
export const IN_DOUBT: StepRecord = { ...ENDED, open: 1 };

/** Saves a workflow with what its steps, and their undos, did. */
export async function saved(
  { engine }: TestStage,
  meta: WorkflowMeta,
  ...records: readonly StepRecord[]
): Promise<string> {
  const { store } = engine.ports;
  await store.create(meta);
  for (const record of records) await store.writeStep(meta, record, ABSENT, meta.expiresAt);
  return meta.workflowId;
}

/** A workflow of which the undo of the payment was refused. */
export const HALF = failedWorkflow('half', {
  status: 'compensation_failed',
  undoError: {
    ...{ code: 'REFUSED', message: 'no', detail: 'already settled', httpStatus: 409 },
    ...{ effect: 'none', step: 'payment', attempts: 6 },
  },
});
/** A workflow that cannot be taken back before somebody finds out whether its payment acted. */
export const UNKNOWN = failedWorkflow('unknown', {
  status: 'compensation_failed',
  undoError: {
    ...{ code: 'LOOKUP_UNKNOWN', message: 'the lookup did not find out', effect: 'unknown' },
    ...{ step: 'payment', attempts: 1 },
  },
});
export const REFUSED: StepRecord = {
  ...ENDED,
  action: 'undo',
  attempt: 6,
  open: 0,
  error: { code: 'REFUSED', message: 'no', detail: 'already settled', effect: 'none' },
};
/** What HALF did, and what became of its undo: the shipment was closed, and did nothing. */
export const HALF_DONE = [
  PAID,
  { ...ENDED, step: 'shipment', status: 'cancelled', open: 0 },
  REFUSED,
] as const;

/** What keeps a workflow from being taken back, whoever asks. */
export interface Hindrance {
  readonly code: string;
  readonly says: RegExp;
  readonly meta: WorkflowMeta;
  /** What its steps did. */
  readonly did: readonly StepRecord[];
}

export const HINDRANCES: Readonly<Record<string, Hindrance>> = {
  'no step of its chain has an undo': {
    code: 'NO_UNDO',
    says: /^no step of data-enrichment says how it is undone; declare an undo beside the step and deploy, or cancel the workflow$/,
    meta: failedWorkflow('no undo', { chain: 'data-enrichment' }),
    did: [],
  },
  'its pivot has acted': {
    code: 'PAST_PIVOT',
    says: /^the step pay has acted, or may have, and beyond it there is only forward: resume\. What stands: hold, pay$/,
    meta: failedWorkflow('past', { chain: 'transfer' }),
    did: [completedOf('hold', null), completedOf('pay', null)],
  },
  'its pivot may have acted': {
    code: 'PAST_PIVOT',
    says: /^the step pay has acted, or may have, .* What stands: hold$/,
    meta: failedWorkflow('perhaps', { chain: 'transfer' }),
    did: [completedOf('hold', null), { ...IN_DOUBT, step: 'pay' }],
  },
  'its input was erased': {
    code: 'ERASED',
    says: /^what the undo would need of its input was erased; cancel the workflow$/,
    meta: { ...FAILED, erased: true },
    did: [PAID],
  },
  'it expires within a day': {
    code: 'EXPIRING',
    says: /^the workflow expires at .*; start a new one$/,
    meta: { ...FAILED, expiresAt: START + 3_600_000 },
    did: [PAID],
  },
  'its version is not deployed': {
    code: 'WRONG_STATUS',
    says: /^this deployment does not know order-processing version 9\. Deploy the chain order-processing with its version 9/,
    meta: { ...FAILED, version: 9 },
    did: [],
  },
};
