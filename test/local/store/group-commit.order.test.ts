import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createGroupCommit,
  type GroupCommit,
  type Operation,
} from '../../../lib/local/store/group-commit.ts';

/** One thing that happens in a random run. */
type Act =
  | { readonly do: 'flush'; readonly keys: readonly string[]; readonly type: 'put' | 'del' }
  | { readonly do: 'turn' }
  | { readonly do: 'idle' }
  | { readonly do: 'end' }
  /** `keep` of its operations reach the disk all the same, counted from the first. */
  | { readonly do: 'fail'; readonly keep: number };

const KEYS = ['a', 'b', 'c'] as const;
const common: fc.Arbitrary<Act>[] = [
  fc.record({
    do: fc.constant('flush' as const),
    keys: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 1 }),
    type: fc.constantFrom('put' as const, 'put' as const, 'del' as const),
  }),
  fc.constantFrom<Act>({ do: 'turn' }, { do: 'turn' }, { do: 'end' }, { do: 'idle' }),
];
const failing: fc.Arbitrary<Act> = fc.record({ do: fc.constant('fail' as const), keep: fc.nat({ max: 3 }) });

/** Promises inside are settled after so many microtasks; real turns of the event loop would take seconds in all. */
const breathe = async (): Promise<void> => {
  for (let ticks = 0; ticks < 20; ticks += 1) await null;
};

const LOST = new Error('the disk is full');

/** A disk whose writes end when the run says so, and a record of all that was promised. Each change of a key has a number. */
class Model {
  /** The newest change of each key that the disk has. */
  readonly disk = new Map<string, number>();
  /** The last change of each key that was asked for. */
  readonly asked = new Map<string, number>();
  readonly problems: string[] = [];
  readonly failures: unknown[] = [];
  readonly promises: Promise<unknown>[] = [];
  private under:
    | { readonly operations: readonly Operation[]; end(): void; fail(error: Error): void }
    | undefined;
  private readonly turns: (() => void)[] = [];
  /** The number of each operation's change. */
  private readonly numbers = new Map<Operation, number>();
  private readonly waiting = new Set<string>();
  private calls = 0;
  private writes = 0;

  readonly commits: GroupCommit = createGroupCommit({
    write: (operations) => {
      if (this.under !== undefined) this.problems.push('two writes at a time');
      if (this.failures.length > 0) this.problems.push('something is written after a failure');
      if (operations.length === 0) this.problems.push('a write of nothing');
      this.writes += 1;
      return new Promise((end, fail) => {
        this.under = { operations, end, fail };
      });
    },
    schedule: (action) => {
      this.turns.push(action);
    },
    onFailure: (error) => {
      this.failures.push(error);
    },
  });

  async act(act: Act): Promise<void> {
    if (act.do === 'flush') this.flush(act.keys, act.type);
    else if (act.do === 'turn') for (const action of this.turns.splice(0)) action();
    else if (act.do === 'idle') this.idle();
    else if (act.do === 'end') this.end();
    else this.fail(act.keep);
    await breathe();
  }

  /** Ends everything that is under way or waits. */
  async rest(): Promise<void> {
    for (let rounds = 0; this.turns.length > 0 || this.under !== undefined; rounds += 1) {
      if (rounds > 100) throw new Error('it does not come to rest');
      await this.act({ do: 'turn' });
      await this.act({ do: 'end' });
    }
    await Promise.all(this.promises);
    const flushes = this.commits.flushes();
    if (flushes !== this.writes) this.problems.push(`${flushes} flushes`);
  }

  private flush(keys: readonly string[], type: 'put' | 'del'): void {
    const operations = keys.map(
      (key): Operation => (type === 'put' ? { type, key, value: key } : { type, key }),
    );
    const changes = operations.map((operation) => {
      this.calls += 1;
      this.numbers.set(operation, this.calls);
      this.asked.set(operation.key, this.calls);
      return { key: operation.key, number: this.calls };
    });
    const name = `flush ${this.calls}`;
    this.waiting.add(name);
    const refused = this.failures.length > 0;
    const done = this.commits.flush(operations).then(
      () => {
        this.waiting.delete(name);
        if (refused) this.problems.push(`${name} was taken after a failure`);
        for (const { key, number } of changes) {
          if ((this.disk.get(key) ?? 0) < number) this.problems.push(`${name} is not on disk: ${key}`);
        }
      },
      (error: unknown) => {
        this.waiting.delete(name);
        if (error !== LOST) this.problems.push(`${name} failed with another error`);
        if (this.failures.length !== 1) this.problems.push(`${name} was told before the owner`);
      },
    );
    this.promises.push(done);
  }

  private idle(): void {
    // What is asked for later may make it wait longer, never shorter.
    const before = [...this.waiting];
    const done = this.commits.idle().then(() => {
      for (const name of before) if (this.waiting.has(name)) this.problems.push(`idle before ${name}`);
    });
    this.promises.push(done);
  }

  private end(): void {
    const { under } = this;
    if (under === undefined) return;
    this.under = undefined;
    for (const operation of under.operations) this.arrive(operation);
    under.end();
  }

  private fail(keep: number): void {
    const { under } = this;
    if (under === undefined) return;
    this.under = undefined;
    for (const operation of under.operations.slice(0, keep)) this.arrive(operation);
    under.fail(LOST);
  }

  private arrive(operation: Operation): void {
    const number = this.numbers.get(operation) ?? 0;
    const before = this.disk.get(operation.key) ?? 0;
    if (number <= before) this.problems.push(`${operation.key}: change ${number} came after ${before}`);
    this.disk.set(operation.key, number);
  }
}

describe('whenever writes end', () => {
  it('each key goes through its changes in the order of the calls, to the last one, and what is promised is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...common), { maxLength: 40 }), async (acts) => {
        const model = new Model();
        for (const act of acts) await model.act(act);
        await model.rest();
        expect(model.problems).toEqual([]);
        expect(model.disk).toEqual(model.asked);
        expect(model.failures).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('after a failure nothing is promised that is not there, nothing is written again, and nobody waits for ever', async () => {
    const runs = fc.tuple(
      fc.array(fc.oneof(...common), { maxLength: 15 }),
      failing,
      fc.array(fc.oneof(...common, failing), { maxLength: 15 }),
    );
    await fc.assert(
      fc.asyncProperty(runs, async ([before, failure, after]) => {
        const model = new Model();
        for (const act of [
          ...before,
          { do: 'flush', keys: ['a'], type: 'put' } as const,
          { do: 'turn' } as const,
        ]) {
          await model.act(act);
        }
        await model.act(failure);
        expect(model.failures).toEqual([LOST]);
        for (const act of after) await model.act(act);
        await model.rest();
        expect(model.problems).toEqual([]);
        expect(model.failures).toEqual([LOST]);
      }),
      { numRuns: 1_000 },
    );
  });
});
