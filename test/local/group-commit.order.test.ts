import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGroupCommit, type GroupCommit, type Operation } from '../../lib/local/group-commit.ts';

const put = (key: string, value: string): Operation => ({ type: 'put', key, value });

/** One thing that happens in a random run. `how` chooses among the writes under way, and how they end. */
type Act =
  | { readonly do: 'flush'; readonly keys: readonly string[] }
  | { readonly do: 'hand'; readonly key: string }
  | { readonly do: 'turn' }
  | { readonly do: 'reach' | 'end' | 'fail' | 'failAfter'; readonly sync: boolean };

const KEYS = ['a', 'b', 'c'] as const;
const key = fc.constantFrom(...KEYS);
const common: fc.Arbitrary<Act>[] = [
  fc.record({ do: fc.constant('flush' as const), keys: fc.uniqueArray(key, { minLength: 1 }) }),
  fc.record({ do: fc.constant('hand' as const), key }),
  fc.constant({ do: 'turn' }),
  fc.record({ do: fc.constantFrom('reach' as const, 'end' as const), sync: fc.boolean() }),
];
const failing: fc.Arbitrary<Act> = fc.record({
  do: fc.constantFrom('fail' as const, 'failAfter' as const),
  sync: fc.boolean(),
});

/** Promises inside are settled after so many microtasks; real turns of the event loop would take seconds in all. */
const breathe = async (): Promise<void> => {
  for (let ticks = 0; ticks < 20; ticks += 1) await null;
};

/** A database to which writes that are under way come at any moment, and a record of all that was promised. */
class Model {
  /** The newest call of each key that the database has. */
  readonly reached = new Map<string, number>();
  /** The last call of each key. */
  readonly asked = new Map<string, number>();
  private readonly onDisk = new Map<string, number>();
  private readonly under: {
    readonly sync: boolean;
    readonly operations: readonly Operation[];
    readonly before: ReadonlyMap<string, number>;
    arrived: boolean;
    settle(error?: Error): void;
  }[] = [];
  private readonly turns: (() => void)[] = [];
  private calls = 0;
  readonly promises: Promise<unknown>[] = [];
  readonly problems: string[] = [];
  failures = 0;
  readonly commits: GroupCommit = createGroupCommit({
    write: (operations, sync) =>
      new Promise((resolve, reject) => {
        if (this.under.some((other) => other.sync === sync))
          this.problems.push('two writes of a kind at a time');
        const before = new Map(this.reached);
        const settle = (error?: Error): void => (error === undefined ? resolve() : reject(error));
        this.under.push({ sync, operations, before, arrived: false, settle });
      }),
    schedule: (action) => {
      this.turns.push(action);
    },
    onFailure: () => {
      this.failures += 1;
    },
  });

  async act(act: Act): Promise<void> {
    if (act.do === 'flush') this.flush(act.keys);
    else if (act.do === 'hand') this.hand(act.key);
    else if (act.do === 'turn') for (const action of this.turns.splice(0)) action();
    else this.ending(act.do, act.sync);
    await breathe();
  }

  /** Ends everything that is under way or waits. */
  async rest(): Promise<void> {
    for (let rounds = 0; this.turns.length + this.under.length > 0; rounds += 1) {
      if (rounds > 100) throw new Error('it does not come to rest');
      await this.act({ do: 'turn' });
      await this.act({ do: 'end', sync: rounds % 2 === 0 });
      await this.act({ do: 'end', sync: rounds % 2 !== 0 });
    }
  }

  private flush(keys: readonly string[]): void {
    const calls = keys.map((key) => this.next(key));
    const done = this.commits.flush(calls.map(({ operation }) => operation));
    this.promises.push(
      done.then(
        () => {
          for (const { key, call } of calls) this.must(this.onDisk, key, call, 'on disk');
        },
        () => undefined,
      ),
    );
  }

  private hand(key: string): void {
    const { call, operation } = this.next(key);
    this.promises.push(
      this.commits.hand(operation).then(
        () => this.must(this.reached, key, call, 'written'),
        () => undefined,
      ),
    );
  }

  private next(key: string): { readonly key: string; readonly call: number; readonly operation: Operation } {
    this.calls += 1;
    this.asked.set(key, this.calls);
    return { key, call: this.calls, operation: put(key, String(this.calls)) };
  }

  private must(where: ReadonlyMap<string, number>, key: string, call: number, state: string): void {
    if ((where.get(key) ?? 0) < call)
      this.problems.push(`call ${call} of ${key} was promised to be ${state}`);
  }

  private ending(how: 'reach' | 'end' | 'fail' | 'failAfter', sync: boolean): void {
    const at = this.under.findIndex((one) => one.sync === sync);
    const write = this.under[at];
    if (write === undefined) return;
    if (how !== 'fail' && !write.arrived) {
      write.arrived = true;
      for (const operation of write.operations) this.arrive(operation);
    }
    if (how === 'reach') return;
    this.under.splice(at, 1);
    if (how === 'end' && sync) {
      // A sync brings to disk what was there when it began, and what it wrote itself.
      for (const [key, call] of write.before) this.onDisk.set(key, Math.max(call, this.onDisk.get(key) ?? 0));
      for (const { key } of write.operations) this.onDisk.set(key, this.reached.get(key) ?? 0);
    }
    write.settle(how === 'end' ? undefined : new Error('the disk is full'));
  }

  private arrive(operation: Operation): void {
    const call = operation.type === 'put' ? Number(operation.value) : 0;
    const before = this.reached.get(operation.key) ?? 0;
    if (call <= before) this.problems.push(`${operation.key}: call ${call} came after call ${before}`);
    this.reached.set(operation.key, call);
  }
}

describe('whatever the order in which writes come to the database', () => {
  it('each key goes through its changes in the order of the calls, to the last one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...common), { maxLength: 40 }), async (acts) => {
        const model = new Model();
        for (const act of acts) await model.act(act);
        await model.rest();
        await Promise.all(model.promises);
        expect(model.problems).toEqual([]);
        expect(model.reached).toEqual(model.asked);
        expect(model.failures).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('failures included, no key goes back and nothing is promised that is not there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...common, failing), { maxLength: 40 }), async (acts) => {
        const model = new Model();
        for (const act of acts) await model.act(act);
        await model.rest();
        await Promise.all(model.promises);
        expect(model.problems).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
