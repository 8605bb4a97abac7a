import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';
import { LIMITS } from '../../lib/contract/limits.ts';

/** A chain without steps. */
export const version = (number: number, name = 'refunds', start = '/api/refund') =>
  chain(name, { version: number, start, input: z.strictObject({ id: z.string() }) });
export const refund = { request: () => target('refunds').post('/refunds') };

export const unknownTarget = version(1).step('refund', refund).definition;
export const vagueTarget = version(1, 'vague', '/api/vague').step('refund', {
  request: ({ input }) => target(input.id).get('/'),
}).definition;
/** Code that calls a target which signs its requests, and reads a secret. */
export const signing = version(1, 'signing', '/api/signing').step('sign', {
  run: () => null,
  targets: ['refunds'],
  secrets: ['webhook-key'],
}).definition;
export const twin = version(1).step('refund', refund).definition;
export const sameStart = version(1, 'other', '/api/refund').step('refund', refund).definition;

const ofSteps = (count: number) =>
  Array.from({ length: count }, (_, at) => `step-${at}`).reduce(
    (chain, name) => withStep(chain, name, { run: () => null }),
    emptyChain('long', { version: 1, start: '/api/long', input: z.strictObject({}) }),
  );

/** As many steps as a stack holds, and one more. */
export const fullChain = ofSteps(LIMITS.stepsPerStack);
export const longChain = ofSteps(LIMITS.stepsPerStack + 1);

/** Names that alarms have as well. */
export const oddNames = version(1, 'odd', '/api/odd')
  .step('repairs', { run: () => null })
  .step('workflow-failed', { run: () => null }).definition;
