import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import { parseQueueSuffix, type QueueName, queueSuffix } from '../../lib/contract/names.ts';

/** Names as a definition may give them, names of the suffixes' own words among them. */
const name = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom('parking', 'dlq', 'step', 'constructor'),
    fc.stringMatching(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, { maxLength }),
  );

const queueName: fc.Arbitrary<QueueName> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: 'parking' } as const) },
  {
    weight: 20,
    arbitrary: fc.record({
      chain: name(LIMITS.chainNameLength),
      step: name(LIMITS.stepNameLength),
      kind: fc.constantFrom('step', 'deadLetter'),
    }),
  },
);

describe('the suffix of a queue', () => {
  it('gives the queue back', () => {
    fc.assert(
      fc.property(queueName, (queue) => {
        expect(parseQueueSuffix(queueSuffix(queue))).toEqual(queue);
      }),
    );
  });

  it('is never that of another queue', () => {
    fc.assert(
      fc.property(queueName, queueName, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(queueSuffix(one)).not.toBe(queueSuffix(other));
      }),
    );
  });

  it('is the only text that gives a queue', () => {
    const piece = fc.constantFrom('_', 'dlq', 'parking', 'a', 'b-c', '');
    const text = fc.oneof(
      fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (suffix) => {
        const queue = parseQueueSuffix(suffix);
        if (queue !== undefined) expect(queueSuffix(queue)).toBe(suffix);
      }),
    );
  });

  it.each([
    '',
    '_',
    'order',
    'order_',
    '_payment',
    'order_payment_',
    'order_payment_dlq_dlq',
    'order_payment_dl',
    'Parking',
  ])('%j gives none', (suffix) => {
    expect(parseQueueSuffix(suffix)).toBeUndefined();
  });
});
