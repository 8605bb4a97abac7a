import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain, target } from '../../lib/chain/index.ts';
import { stepPlaces } from '../../lib/chain/places.ts';

const api = target('api');
const other = target('other');
const version = (number: number) =>
  chain('orders', { version: number, start: '/api/orders', input: z.strictObject({}) });
const call = { request: () => api.get('/') };

describe('the steps of a deployment', () => {
  it('are those of its chains, each with the steps directly after it and its targets', () => {
    expect(stepPlaces([orderProcessing])).toMatchObject([
      { step: 'payment', next: ['shipment'], root: true, targets: ['payments'] },
      { step: 'shipment', next: ['confirmation'], root: false, targets: ['shipping'] },
      { step: 'confirmation', next: [], root: false, targets: ['mail'] },
    ]);
  });

  it('have a queue and a function for all versions: the longest timeout, the most retries, what any leads to', () => {
    const first = version(1)
      .step('a', { ...call, timeout: 60, retries: 1, batchSize: 2, concurrency: 3 })
      .step('b', call).definition;
    const second = version(2)
      .step('b', call)
      .step('a', { request: () => other.get('/'), timeout: 5, retries: 20, batchSize: 9 })
      .step('c', call).definition;
    // In whatever order they are listed, the newest says what is not a matter of the most.
    for (const chains of [
      [first, second],
      [second, first],
    ]) {
      const places = stepPlaces(chains);
      expect(places.map(({ step }) => step).sort()).toEqual(['a', 'b', 'c']);
      expect(places.find(({ step }) => step === 'a')).toMatchObject({
        settings: {
          functionTimeout: 75,
          visibilityTimeout: 450,
          maxReceiveCount: 26,
          batchSize: 9,
          maxConcurrency: undefined,
        },
        next: ['b', 'c'],
        root: true,
        targets: ['api', 'other'],
      });
      expect(places.find(({ step }) => step === 'b')).toMatchObject({ next: ['a'], root: true });
    }
  });

  it('do not have known targets where one version does not tell', () => {
    const vague = version(2).step('a', { request: ({ input }) => api.get(String(Object.keys(input)[0])) });
    expect(stepPlaces([version(1).step('a', call).definition, vague.definition])[0]?.targets).toBeUndefined();
  });
});
