import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFifo } from '../../../lib/local/queue/fifo.ts';

interface Item {
  readonly number: number;
}

/** Steps of a random run: so many pushes, or so many shifts. Large ones cross the point at which the front is cut off. */
const steps = fc.array(
  fc.record({
    push: fc.boolean(),
    count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 500, max: 3_000 })),
  }),
  { maxLength: 12 },
);

describe('a fifo', () => {
  it('gives what an array gives, whatever is pushed and taken', () => {
    fc.assert(
      fc.property(steps, (run) => {
        const fifo = createFifo<Item>();
        const model: Item[] = [];
        let number = 0;
        for (const { push, count } of run) {
          for (let times = 0; times < count; times += 1) {
            if (push) {
              number += 1;
              const item = { number };
              fifo.push(item);
              model.push(item);
            } else if (fifo.shift() !== model.shift()) throw new Error('another item came out');
          }
          expect(fifo.peek()).toBe(model[0]);
          expect([...fifo].map((item) => item.number)).toEqual(model.map((item) => item.number));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives nothing when it is empty, and takes items again afterwards', () => {
    const fifo = createFifo<Item>();
    const item = { number: 1 };
    expect([fifo.peek(), fifo.shift(), ...fifo]).toEqual([undefined, undefined]);
    fifo.push(item);
    expect([fifo.peek(), fifo.shift(), fifo.shift()]).toEqual([item, item, undefined]);
  });

  it('lets go of what was taken while others wait behind it', async () => {
    const fifo = createFifo<Item>();
    const taken: WeakRef<Item>[] = [];
    for (let number = 1; number <= 10; number += 1) fifo.push({ number });
    const take = (): void => {
      const item = fifo.shift();
      if (item !== undefined) taken.push(new WeakRef(item));
    };
    for (let times = 0; times < 5; times += 1) take();
    // A weak reference keeps its object alive until the turn ends.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(taken.map((reference) => reference.deref())).toEqual(Array.from({ length: 5 }, () => undefined));
    expect(fifo.peek()).toEqual({ number: 6 });
  });
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
