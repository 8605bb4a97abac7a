import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, DefinitionError } from '../../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../../lib/chain/validate.ts';

const options = { version: 1, start: '/api/orders', input: z.strictObject({}) } as const;
const run = () => null;
const undo = { run };
const begun = () => chain('orders', options);

describe('a pivot', () => {
  it('is a step that says so', () => {
    const { steps } = begun()
      .step('payment', { run, undo })
      .step('hand-over', { run, pivot: true })
      .step('mail', { run, pivot: false }).definition;
    expect(steps.map(({ pivot }) => pivot)).toEqual([false, true, false]);
  });

  it('may have branches before it and after it', () => {
    const both = begun()
      .step('left', { run, undo, after: [] })
      .step('right', { run, undo, after: [] })
      .step('charge', { run, pivot: true, after: ['left', 'right'] })
      .step('ship', { run, after: ['charge'] })
      .step('mail', { run, after: ['charge'] });
    expect(both.definition.steps).toHaveLength(5);
  });

  it('may be the only step, and one that is not always needed', () => {
    expect(begun().step('charge', { run, pivot: true, when: () => false }).definition.steps[0]).toMatchObject(
      {
        pivot: true,
      },
    );
  });

  it.each(['yes', 1, null])('is not %j', (pivot) => {
    const shown = typeof pivot === 'string' ? `"${pivot}"` : String(pivot);
    expect(() => withStep(emptyChain('orders', options), 'charge', { run, pivot })).toThrow(
      `Chain "orders", step "charge": pivot is ${shown}. Write pivot: true, or leave it out.`,
    );
  });
});

describe('a chain is refused when it ends, for', () => {
  const after = (name: string) => ({ run, after: [name] as never[] });
  const diamond = begun().step('payment', { run }).step('left', { run });

  it.each<readonly [what: string, built: { readonly definition: unknown }, message: string]>([
    [
      'a second pivot',
      begun().step('charge', { run, pivot: true }).step('ship', { run, pivot: true }),
      'step "ship": it is a pivot, and so is the step "charge". A chain has at most one: leave pivot out in one of the two.',
    ],
    [
      'a step beside the pivot, declared later',
      begun().step('payment', { run }).step('charge', { run, pivot: true }).step('label', after('payment')),
      `step "label": it is neither before nor after the pivot "charge", so nobody could say whether it may be taken back. Write after: ['charge'] in it, or let "charge" wait for it, too.`,
    ],
    [
      'a step beside the pivot, declared sooner',
      diamond
        .step('right', { run, after: ['payment'], pivot: true })
        .step('join', { run, after: ['left', 'right'] }),
      'step "left": it is neither before nor after the pivot "right"',
    ],
    [
      'a root beside the pivot',
      begun().step('charge', { run, pivot: true }).step('audit', { run, after: [] }),
      'step "audit": it is neither before nor after the pivot "charge"',
    ],
    [
      'an undo of the pivot',
      begun().step('payment', { run, undo }).step('charge', { run, pivot: true, undo }),
      'step "charge": it has an undo, and is the pivot: the undo would never be called. Leave undo out, since from "charge" on there is only forward; or let a later step be the pivot, or none.',
    ],
    [
      'an undo after the pivot',
      begun().step('charge', { run, pivot: true }).step('ship', { run }).step('mail', { run, undo }),
      'step "mail": it has an undo, and comes after the pivot "charge": the undo would never be called.',
    ],
  ])('%s', (_, built, message) => {
    expect(() => built.definition).toThrow(DefinitionError);
    expect(() => built.definition).toThrow(`Chain "orders", ${message}`);
  });

  it('what it is not refused for while it is written: a later step may still wait for both', () => {
    const open = begun().step('charge', { run, pivot: true }).step('audit', { run, after: [] });
    expect(() => open.step('close', { run, after: ['charge', 'audit'] })).not.toThrow();
  });
});

describe('a step that is not always needed', () => {
  const when = () => false;

  it('keeps how that is asked, a root too', () => {
    const { steps } = begun().step('gift', { run, when }).step('mail', { run }).definition;
    expect(steps[0]).toMatchObject({ after: [], when });
    expect(steps[1]).not.toHaveProperty('when');
  });

  it.each([true, 'giftWrap', null])('is refused with %j, which is no function', (written) => {
    const shown = typeof written === 'string' ? `"${written}"` : String(written);
    expect(() => withStep(emptyChain('orders', options), 'gift', { run, when: written })).toThrow(
      `Chain "orders", step "gift": when is ${shown}, not a function. Write such as when: ({ input }) => input.giftWrap; leave it out where the step is always needed.`,
    );
  });
});
