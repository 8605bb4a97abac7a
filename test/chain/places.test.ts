import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain, notDone, target } from '../../lib/chain/index.ts';
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

  const undo = { request: () => other.post('/undo') };
  const neighboursOf = (...chains: Parameters<typeof stepPlaces>[0]): readonly string[] =>
    stepPlaces(chains).map(({ step, undoNeighbours }) => `${step}: ${undoNeighbours.join(' ')}`);

  it('have the targets, secrets, timeout and retries of their undos, too', () => {
    const code = { run: () => null, targets: [other], secrets: ['b', 'a'], timeout: 100, retries: 30 };
    const step = { run: () => null, targets: [api], secrets: ['a'], undo: code };
    const [first, second] = stepPlaces([
      version(1)
        .step('a', step)
        .step('b', { ...call, undo }).definition,
    ]);
    expect(first).toMatchObject({
      targets: ['api', 'other'],
      secrets: ['a', 'b'],
      settings: { functionTimeout: 115, maxReceiveCount: 36 },
    });
    expect(second?.targets).toEqual(['api', 'other']);
  });

  it('do not have known targets where an undo does not tell', () => {
    const vague = {
      request: ({ undone }: { undone: { result: unknown } }) =>
        undone.result === undefined ? api.post('/cancel') : other.post('/refunds'),
    };
    expect(
      stepPlaces([version(1).step('a', { ...call, undo: vague }).definition])[0]?.targets,
    ).toBeUndefined();
  });

  const lookup = { request: () => other.get('/charges'), reply: () => notDone() };

  it('have the targets, timeout and receives of their lookups, too, and send to nobody else for them', () => {
    const first = version(1).step('a', call).step('b', call).definition;
    const second = version(2)
      .step('a', { ...call, lookup: { ...lookup, timeout: 100, retries: 30 } })
      .step('b', call).definition;
    const [without] = stepPlaces([first]);
    const [place] = stepPlaces([second, first]);
    expect(place).toMatchObject({ targets: ['api', 'other'], settings: { functionTimeout: 115 } });
    expect(place?.settings.maxReceiveCount).toBe(6 + 32 + 5);
    const { next, root, undoNeighbours, secrets } = without ?? expect.fail('there is a step');
    expect(place).toMatchObject({ next, root, undoNeighbours, secrets });
  });

  it('do not have known targets where a lookup does not tell', () => {
    const vague = {
      ...lookup,
      request: ({ idempotencyKey }: { idempotencyKey: string }) =>
        idempotencyKey.startsWith('wf') ? api.get('/charges') : other.get('/charges'),
    };
    const definition = version(1).step('a', { ...call, undo, lookup: vague }).definition;
    expect(stepPlaces([definition])[0]?.targets).toBeUndefined();
  });

  it('have as neighbours of their undo themselves and all before and after them, in chains that have one', () => {
    const diamond = version(1)
      .step('a', { ...call, undo })
      .step('left', { ...call, after: ['a'] })
      .step('right', { ...call, after: ['a'] })
      .step('join', { ...call, after: ['left', 'right'] })
      .step('apart', { ...call, after: [] }).definition;
    const plain = { ...version(1).step('a', call).step('b', call).definition, name: 'plain' };
    expect(neighboursOf(diamond, plain)).toEqual([
      'a: a left right join',
      'left: a left join',
      'right: a right join',
      'join: a left right join',
      'apart: apart',
      'a: ',
      'b: ',
    ]);
  });

  it('have as neighbours those of every version, as soon as one of them has an undo', () => {
    const first = version(1).step('a', call).step('b', call).definition;
    const second = version(2)
      .step('b', call)
      .step('c', { ...call, undo }).definition;
    expect(neighboursOf(first, second)).toEqual(['a: a b', 'b: a b c', 'c: b c']);
    expect(neighboursOf(second, first)).toEqual(['a: a b', 'b: a b c', 'c: b c']);
    expect(neighboursOf(first)).toEqual(['a: ', 'b: ']);
  });

  it('do not have known targets where one version does not tell', () => {
    const vague = version(2).step('a', { request: ({ input }) => api.get(String(Object.keys(input)[0])) });
    expect(stepPlaces([version(1).step('a', call).definition, vague.definition])[0]?.targets).toBeUndefined();
  });
});
