import * as z from 'zod';
import { chain, notDone, target } from '../../lib/chain/index.ts';
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

/** Two branches behind a step whose undo calls another target and reads a secret; what is behind them is not undone, and asks a third target slowly. */
export const trips = version(1, 'trips', '/api/trip')
  .step('hold', {
    request: () => target('refunds').post('/holds'),
    undo: { run: () => null, targets: ['releases'], secrets: ['webhook-key'] },
  })
  .step('flight', { ...refund, after: ['hold'], undo: { request: () => target('refunds').post('/undo') } })
  .step('hotel', { ...refund, after: ['hold'] })
  .step('mail', {
    ...refund,
    after: ['hotel'],
    lookup: { request: () => target('records').get('/'), reply: () => notDone(), timeout: 300, retries: 7 },
  }).definition;

const ofSteps = (
  count: number,
  name = 'long',
  step: Readonly<Record<string, unknown>> = { run: () => null },
  named = (at: number): string => `step-${at}`,
) =>
  Array.from({ length: count }, (_, at) => named(at)).reduce(
    (chain, each) => withStep(chain, each, step),
    emptyChain(name, { version: 1, start: '/api/long', input: z.strictObject({}) }),
  );

/** As many steps as a stack holds, and one more. */
export const fullChain = ofSteps(LIMITS.stepsPerStack);
export const longChain = ofSteps(LIMITS.stepsPerStack + 1);
/** As many, with names as long as they may be, and each may send to all others. */
export const fullUndone = ofSteps(
  LIMITS.stepsPerStack,
  'l'.repeat(LIMITS.chainNameLength),
  { run: () => null, undo: { run: () => null } },
  (at) => `step-${at}`.padEnd(LIMITS.stepNameLength, 'x'),
);

/** Names that alarms have as well. */
export const oddNames = version(1, 'odd', '/api/odd')
  .step('repairs', { run: () => null })
  .step('workflow-failed', { run: () => null }).definition;
