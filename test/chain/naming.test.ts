import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainName, stepName, targetName } from '../../lib/chain/naming.ts';
import { closest } from '../../lib/chain/suggest.ts';
import { LIMITS } from '../../lib/contract/limits.ts';

const step = (name: unknown) => stepName({ chain: 'orders' }, name);
const kinds = [
  ['chain', chainName, LIMITS.chainNameLength],
  ['step', step, LIMITS.stepNameLength],
  ['target', targetName, LIMITS.stepNameLength],
] as const;

describe.each(kinds)('the name of a %s', (_, check, longest) => {
  it.each(['a', 'a1', 'order-processing', 'a-1-b', 'x'.repeat(longest)])('may be %j', (name) => {
    expect(check(name)).toBe(name);
  });

  it.each([
    '',
    '1a',
    '-a',
    'a-',
    'a--b',
    'a_b',
    'a b',
    'a.b',
    'é',
    'constructor',
    'x'.repeat(longest + 1),
    7,
    undefined,
  ])('may not be %j', (name) => {
    expect(() => check(name)).toThrow(`, at most ${longest} characters, such as "`);
  });

  it('is suggested by the error, and that suggestion is valid', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (name) => {
        const suggested = suggestion(() => check(name));
        expect(check(suggested ?? name)).toBe(suggested ?? name);
      }),
    );
  });
});

/** What the error of `build` suggests, if it throws. */
function suggestion(build: () => unknown): string | undefined {
  try {
    build();
    return undefined;
  } catch (error) {
    return /, such as "([^"]*)"\.$/.exec(String(error))?.[1] ?? '';
  }
}

describe('a suggested name', () => {
  it.each([
    [chainName, 'Order_Processing', 'order-processing'],
    [chainName, 'orderProcessing', 'order-processing'],
    [chainName, '2nd order', 'nd-order'],
    [step, 'ship_ment', 'ship-ment'],
    [step, 'sendWelcomeMail!', 'sendWelcomeMail'],
  ] as const)('stays near to what was written', (check, written, near) => {
    expect(suggestion(() => check(written))).toBe(near);
  });

  it('names the chain in which the step stands', () => {
    expect(() => step('ship_ment')).toThrow('Chain "orders": the step name "ship_ment"');
  });
});

describe('the nearest known word', () => {
  const options = ['request', 'run', 'retries', 'timeout', 'backoff', 'batchSize', 'concurrency'];
  it.each([
    ['retires', 'retries'],
    ['timout', 'timeout'],
    ['batchsize', 'batchSize'],
    ['conccurency', 'concurrency'],
    ['rnu', 'run'],
  ])('to %j is %j', (word, known) => {
    expect(closest(word, options)).toBe(known);
  });

  it.each(['undo', 'x', '', 'parallelism'])('to %j is none', (word) => {
    expect(closest(word, options)).toBeUndefined();
  });

  it('finds any word of more than three letters again after one mistake', () => {
    const word = fc.constantFrom(...options.filter(({ length }) => length > 3));
    fc.assert(
      fc.property(word, fc.nat(), fc.constantFrom('q', ''), (known, at, instead) => {
        const place = at % known.length;
        expect(closest(known.slice(0, place) + instead + known.slice(place + 1), options)).toBe(known);
      }),
    );
  });
});
