import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { ancestors, descendants, findStep, roots, successors } from '../../lib/chain/graph.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';

/** Any graph without a circle: each step follows some of the steps before it. */
const graphs = fc
  .array(fc.record({ follows: fc.array(fc.nat()), timeout: fc.integer({ min: 1, max: 840 }) }), {
    maxLength: 9,
  })
  .map((steps) =>
    steps.reduce<ChainDefinition>(
      (chain, { follows, timeout }, index) =>
        withStep(chain, `s${index}`, {
          run: () => null,
          timeout,
          after: index === 0 ? [] : [...new Set(follows.map((one) => `s${one % index}`))],
        }),
      emptyChain('any', { version: 1, start: '/api/any', input: z.object({}) }),
    ),
  );

/** Every path from a root, as lists of names: the slow and obvious way to all answers. */
function paths(chain: ChainDefinition): readonly (readonly string[])[] {
  const upTo = (name: string): string[][] => {
    const before = chain.steps.find((step) => step.name === name)?.after ?? [];
    if (before.length === 0) return [[name]];
    return before.flatMap((earlier) => upTo(earlier).map((path) => [...path, name]));
  };
  return chain.steps.flatMap(({ name }) => upTo(name));
}

const comesBefore = (chain: ChainDefinition, earlier: string, later: string): boolean =>
  paths(chain).some((path) => {
    const at = path.indexOf(earlier);
    return at >= 0 && path.indexOf(later, at + 1) > at;
  });

const names = (steps: Iterable<{ readonly name: string }>): string[] => [...steps].map(({ name }) => name);

describe('in any graph of steps', () => {
  it('the ancestors of a step are those from which a path leads to it', () => {
    fc.assert(
      fc.property(graphs, (chain) => {
        for (const { name } of chain.steps) {
          const expected = names(chain.steps).filter((other) => comesBefore(chain, other, name));
          expect([...ancestors(chain, name)].sort()).toEqual(expected);
        }
      }),
    );
  });

  it('the descendants of a step are those to which a path leads from it', () => {
    fc.assert(
      fc.property(graphs, (chain) => {
        for (const { name } of chain.steps) {
          const expected = names(chain.steps).filter((other) => comesBefore(chain, name, other));
          expect([...descendants(chain, name)].sort()).toEqual(expected);
        }
      }),
    );
  });

  it('the successors of a step are the ones next to it on some path, and the roots begin all paths', () => {
    fc.assert(
      fc.property(graphs, (chain) => {
        for (const { name } of chain.steps) {
          const next = paths(chain).flatMap((path) => path.filter((_, at) => path[at - 1] === name));
          expect(names(successors(chain, name))).toEqual([...new Set(next)].sort());
        }
        const first = paths(chain).flatMap((path) => path.slice(0, 1));
        expect(names(roots(chain))).toEqual([...new Set(first)].sort());
      }),
    );
  });

  it('each is walked by itself and once, and the answers stay the same', () => {
    fc.assert(
      fc.property(graphs, graphs, (one, other) => {
        const all = (chain: ChainDefinition) =>
          chain.steps.map(({ name }) =>
            [ancestors, descendants, successors].map((ask) => [...ask(chain, name)]),
          );
        const before = [all(one), all(other)];
        expect([all(one), all(other)]).toEqual(before);
        const copy: ChainDefinition = { ...other };
        expect(all(copy)).toEqual(before[1]);
        for (const { name } of one.steps) expect(ancestors(one, name)).toBe(ancestors(one, name));
      }),
    );
  });

  it.each(['no-such-step', 'toString', '__proto__'])('there is nothing about the step %s', (name) => {
    fc.assert(
      fc.property(graphs, (chain) => {
        expect(findStep(chain, name)).toBeUndefined();
        for (const ask of [ancestors, descendants, successors]) expect([...ask(chain, name)]).toEqual([]);
      }),
    );
  });

  it('each step stands after all it follows', () => {
    fc.assert(
      fc.property(graphs, (chain) => {
        for (const [index, step] of chain.steps.entries()) {
          expect(names(chain.steps.slice(0, index))).toEqual(expect.arrayContaining([...step.after]));
        }
      }),
    );
  });
});
