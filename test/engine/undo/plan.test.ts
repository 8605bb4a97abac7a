import { describe, expect, it } from 'vitest';
import type { LookupDefinition } from '../../../lib/chain/definition.ts';
import { type Idempotency, writtenKey } from '../../../lib/chain/request/key.ts';
import { undoPlan } from '../../../lib/contract/wire.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { planOf } from '../../../lib/engine/undo/plan.ts';
import { completedOf, metaOf } from '../../ports/store/fixtures.ts';
import { doneState, GRAPHS, RECORDS } from '../fixtures.ts';
import { withLookup } from '../with-lookup.ts';
import { CARD, requestChain } from '../world.ts';

const META = metaOf('any', { status: 'failed', input: { card: CARD, amount: 5 }, requestKey: 'k' });
const undo = { request: () => ({ target: 'api', method: 'POST', path: '/undo' }) };
const B: StepRecord = { ...RECORDS.failed, step: 'b', open: 1, round: 2 };

const planned = (
  {
    step = {},
    lookup = {},
  }: { step?: Readonly<Record<string, unknown>>; lookup?: Partial<LookupDefinition> } = {},
  undos: readonly StepRecord[] = [],
) => {
  const chain = withLookup(requestChain(GRAPHS.line, { undo, ...step }), lookup);
  const state = { ...doneState(META, 'a', { b: B }), undos: new Map(undos.map((one) => [one.step, one])) };
  const steps = undoPlan.shape.steps.parse(planOf(chain, state));
  return { b: steps.find(({ step: name }) => name === 'b'), a: steps.find(({ step: name }) => name === 'a') };
};

describe('the plan of an undo', () => {
  it('says what the target of a step in doubt is asked first, by the key that was sent', () => {
    const { a, b } = planned();
    expect(b).toMatchObject({
      inDoubt: true,
      lookup: { target: 'api', method: 'GET', path: `/b?key=${META.workflowId}:b:do:2` },
      does: 'calls',
      request: { path: '/undo' },
    });
    expect(a).not.toHaveProperty('lookup');
  });

  it.each(['uuid', 'token32'] as const)('writes that key as its target wants it, once: %s', (format) => {
    const idempotency: Idempotency = { format };
    const request = () => ({ target: 'api', method: 'POST', path: '/b', idempotency });
    const { b } = planned({ step: { request } });
    const key = writtenKey(`${META.workflowId}:b:do:2`, format);
    expect(b?.lookup).toMatchObject({ path: `/b?key=${key}` });
  });

  it('shows no sensitive value that is asked by', () => {
    const { b } = planned({
      lookup: {
        request: ({ input }) => ({
          target: 'api',
          method: 'GET',
          path: `/b?card=${(input as { card: string }).card}`,
        }),
      },
    });
    expect(b?.lookup).toMatchObject({ target: 'api' });
    expect(JSON.stringify(b)).not.toContain(CARD);
  });

  it.each<[string, Partial<LookupDefinition>, RegExp]>([
    [
      'whose function throws',
      {
        request: () => {
          throw new Error(`no such card ${CARD}`);
        },
      },
      /no such card [^4]*$/,
    ],
    ['that goes elsewhere', { targets: ['other'] }, /the request goes to the target "api", but/],
  ])('says why a lookup cannot be made %s', (_name, lookup, problem) => {
    expect(planned({ lookup }).b).toMatchObject({
      lookup: { problem: expect.stringMatching(problem) },
      does: 'calls',
    });
  });

  it.each<[string, Parameters<typeof planned>]>([
    ['the step has no undo', [{ step: { undo: undefined } }]],
    ['its undo was called already', [{}, [{ ...B, action: 'undo', status: 'retrying' }]]],
    ['its undo is over', [{}, [{ ...completedOf('b', null), action: 'undo' }]]],
  ])('asks nothing where %s', (_name, args) => {
    expect(planned(...args).b).toMatchObject({ inDoubt: true });
    expect(planned(...args).b).not.toHaveProperty('lookup');
  });
});
