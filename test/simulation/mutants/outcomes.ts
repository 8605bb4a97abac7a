import { type Mutant, mutant } from './mutant.ts';

const JUDGE = 'lib/engine/calling/judge.ts';
const DELIVERY = 'lib/engine/delivery.ts';
const OUTCOME = 'lib/engine/outcome.ts';
const DEAD_LETTER = 'lib/engine/dead-letter.ts';
const STEP_FAILED = 'lib/engine/step-failed.ts';

/** What is made of a call's end, and what is said of it: each wrong in one way. */
export const MUTANTS_OF_OUTCOMES: readonly Mutant[] = [
  mutant('a refusal is said to have had no effect, whatever attempts before it did', [
    OUTCOME,
    `effect: open === 0 ? 'none' : 'unknown',`,
    `effect: failure.acted === 'no' ? 'none' : 'unknown',`,
  ]),
  mutant('a refusal of the second sending counts for the first, too', [
    JUDGE,
    `acted: outcome.repeated ? 'unknown' : acted,`,
    'acted,',
  ]),
  mutant('a step whose function took no message is said to have had no effect', [
    DEAD_LETTER,
    `  effect: 'unknown',
  step,`,
    `  effect: 'none',
  step,`,
  ]),
  mutant('too many requests are a refusal', [OUTCOME, 'new Set([425, 429])', 'new Set([425])']),
  mutant('a conflict is a refusal', [OUTCOME, 'new Set([408, 409])', 'new Set([408])']),
  mutant('a rate limit that is spent is a refusal', [
    OUTCOME,
    ' || (status === 403 && isLimited(headers))',
    '',
  ]),
  mutant('a call that was cut off counts as one on which nobody acted', [
    JUDGE,
    `acted: outcome.sent === 'no' ? 'no' : 'unknown',`,
    `acted: 'no',`,
  ]),
  mutant('a redirect counts as one on which nobody acted', [
    OUTCOME,
    `{ code: 'REDIRECTED', retriable: false, acted: 'unknown' }`,
    `{ code: 'REDIRECTED', retriable: false, acted: 'no' }`,
  ]),
  mutant('a reply that cannot be used is asked for again', [JUDGE, 'retriable: cut,', 'retriable: true,']),
  mutant('a workflow tells another error than its step', [
    DEAD_LETTER,
    'return { ...error, step: record.step, attempts: record.attempt };',
    `return { ...error, effect: 'none', step: record.step, attempts: record.attempt };`,
  ]),
  mutant('dead letters are never taken', [
    STEP_FAILED,
    `    await settle(engine, message);
    return 'acknowledge';`,
    `    if (message.trip < 0) await settle(engine, message);
    return 'retry';`,
  ]),
  mutant('a dead letter that SQS moved is deleted before it is sent on', [
    STEP_FAILED,
    'await queue.send([toStepFailed(message)]);',
    'void queue.send([toStepFailed(message)]).catch(() => undefined);',
  ]),
  mutant('a dead letter that SQS moved is deleted, though it could not be sent on', [
    STEP_FAILED,
    "if (handled === 'acknowledge') await queue.acknowledge(delivery.queue, delivery.receiptHandle);",
    'if (handled !== undefined) await queue.acknowledge(delivery.queue, delivery.receiptHandle);',
  ]),
  mutant('what is no message is dropped', [
    DELIVERY,
    '  await ports.queue.park(body);',
    "  if (queue.kind === 'step') await ports.queue.park(body);",
  ]),
];
