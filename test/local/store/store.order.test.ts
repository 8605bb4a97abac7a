import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { StepExpectation } from '../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { itemsOf, META, stepItem } from '../../../lib/local/store/keys.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import { ABSENT, claimOf, given, metaOf } from '../../ports/store/fixtures.ts';
import { settle } from '../../support/manual-clock.ts';
import { afterKill, type HeldWrite, type TestDatabase, testDatabase, writeStep } from './support.ts';

/** One thing that happens in a random run. `which` chooses among the records that were ever offered for the step. */
type Act =
  | {
      readonly do: 'write';
      readonly step: string;
      readonly status: StepRecord['status'];
      readonly which: number;
    }
  | { readonly do: 'meta' | 'load' | 'settle' | 'end' | 'fail' | 'failAfter' };

const common: fc.WeightedArbitrary<Act>[] = [
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      step: fc.constantFrom('payment', 'shipment'),
      status: fc.constantFrom('running' as const, 'retrying' as const, 'completed' as const),
      which: fc.oneof(fc.constant(0), fc.nat({ max: 3 })),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'end' as const,
        'load' as const,
        'meta' as const,
        'settle' as const,
        'settle' as const,
      ),
    }),
  },
];
const failures: fc.WeightedArbitrary<Act> = {
  weight: 1,
  arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'failAfter' as const) }),
};

/** Every record that was offered to the store, by its token, and the token that it was to follow. */
class Offers {
  private readonly byStep = new Map<string, StepRecord[]>();
  private readonly after = new Map<string, string>();
  private count = 0;

  next({ step, status, which }: Extract<Act, { do: 'write' }>): readonly [StepRecord, StepExpectation] {
    const offered = this.byStep.get(step) ?? [];
    const before = offered.at(-1 - which);
    this.count += 1;
    const record = claimOf(step, { status, token: `token ${this.count}` });
    this.byStep.set(step, [...offered, record]);
    if (before === undefined) return [record, ABSENT];
    this.after.set(record.token, before.token);
    return [record, { status: before.status, token: before.token }];
  }

  /** Whether a record is another, or was to follow it, directly or by way of such as are written with it. */
  reaches(token: string | undefined, before: string | undefined): boolean {
    let at = token;
    while (at !== before && at !== undefined) at = this.after.get(at);
    return at === before;
  }
}

const parsed = (text: string | undefined) => (text === undefined ? undefined : JSON.parse(text));

/** A store over a database whose writes end when the run says so, and all that was promised of one workflow. */
class Run {
  readonly problems: string[] = [];
  readonly pending: Promise<unknown>[] = [];
  failed = false;
  private readonly offers = new Offers();
  private readonly meta = metaOf('one');
  private changes = 0;
  /** The newest change of META that was answered. */
  private answered = 0;

  readonly database: TestDatabase;
  readonly store: EmbeddedStore;

  constructor(database: TestDatabase, store: EmbeddedStore) {
    this.database = database;
    this.store = store;
  }

  async act(act: Act): Promise<void> {
    if (act.do === 'settle') await settle();
    else if (act.do === 'write') this.write(act);
    else if (act.do === 'meta') this.writeMeta();
    else if (act.do === 'load') this.load();
    else await this.finish(act.do);
  }

  /** What the disk has of an item now. */
  private onDisk(item: string): Partial<StepRecord & WorkflowMeta> | undefined {
    return parsed(this.database.get(itemsOf(this.meta) + item));
  }

  private watch<Result>(what: string, promise: Promise<Result>, then: (result: Result) => void): void {
    const late = this.failed;
    const watched = promise.then(
      (result) => {
        if (late) this.problems.push(`${what} was taken after a failure`);
        then(result);
      },
      (error: { readonly code: unknown }) => {
        if (!this.failed || error.code !== 'STORE_UNAVAILABLE')
          this.problems.push(`${what} failed: ${error}`);
      },
    );
    this.pending.push(watched);
  }

  private write(act: Extract<Act, { do: 'write' }>): void {
    const [record, expected] = this.offers.next(act);
    this.watch(record.token, writeStep(this.store, this.meta, record, expected), (result) => {
      // What a refusal shows is on disk, but for a claim.
      if (!result.written) this.shown(result.current);
    });
  }

  private writeMeta(): void {
    this.changes += 1;
    const change = this.changes;
    const next = { ...this.meta, updatedAt: change };
    this.watch(
      `META ${change}`,
      this.store.writeMeta(next, { status: 'processing', epoch: 0 }),
      ({ written }) => {
        if (!written) this.problems.push(`META ${change} was refused`);
        if ((this.onDisk(META)?.updatedAt ?? 0) < change)
          this.problems.push(`META ${change} was answered too early`);
        this.answered = Math.max(this.answered, change);
      },
    );
  }

  private load(): void {
    this.watch('a load', this.store.load(this.meta), (state) => {
      const updatedAt = state?.meta.updatedAt;
      if (updatedAt !== this.onDisk(META)?.updatedAt)
        this.problems.push(`META ${updatedAt} was shown too early`);
      for (const record of state?.steps.values() ?? []) this.shown(record);
    });
  }

  private shown(record: StepRecord | undefined): void {
    if (record === undefined || record.status === 'running') return;
    const { token } = this.onDisk(stepItem(record)) ?? {};
    if (!this.offers.reaches(token, record.token)) this.problems.push(`${record.token} was shown too early`);
  }

  async finish(how: 'end' | 'fail' | 'failAfter'): Promise<void> {
    const [write, ...others] = this.database.writes;
    if (others.length > 0) this.problems.push('two writes at a time');
    if (write === undefined) return;
    if (this.failed) this.problems.push('something is written after a failure');
    if (how !== 'end') this.failed = true;
    if (how !== 'fail') this.arrives(write);
    if (how === 'fail') write.fail();
    else await (how === 'end' ? write.end() : write.failAfter());
  }

  /** Each item follows, directly or by way of such as are written with it, what the disk has. */
  private arrives({ operations }: HeldWrite): void {
    for (const operation of operations) {
      const [, item] = /\/(STEP#.*)$/.exec(operation.key) ?? [];
      if (operation.type === 'del' || item === undefined) continue;
      const { token } = parsed(operation.value);
      if (!this.offers.reaches(token, this.onDisk(item)?.token))
        this.problems.push(`${token} follows another`);
    }
  }

  async rest(): Promise<void> {
    await settle();
    while (this.database.writes.length > 0) {
      await this.finish('end');
      await settle();
    }
    await Promise.all(this.pending);
    if ((this.onDisk(META)?.updatedAt ?? 0) < this.answered) this.problems.push('an answered META is gone');
  }

  readonly look = (store: EmbeddedStore) => store.load(this.meta);
}

async function begin(): Promise<Run> {
  const database = await testDatabase();
  const store = await afterKill(database);
  await given(store, metaOf('one', { updatedAt: 0 }));
  database.holding = true;
  return new Run(database, store);
}

describe('whatever happens, and whenever', () => {
  it('nothing is shown or answered before it is on disk, and a close leaves there what memory shows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...common), { maxLength: 40 }), async (acts) => {
        const run = await begin();
        for (const act of acts) await run.act(act);
        await run.rest();
        const shown = await run.look(run.store);
        run.database.holding = false;
        await run.store.close();
        expect(run.problems).toEqual([]);
        const next = await afterKill(run.database);
        expect(next.recovery).toEqual({ claimsLost: false });
        expect(await run.look(next)).toStrictEqual(shown);
      }),
      { numRuns: 150 },
    );
  });

  it('after a failed write nothing is written or taken again, and no promise is left alone', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(...common), { maxLength: 15 }),
        fc.array(fc.oneof(...common, failures), { maxLength: 25 }),
        async (before, after) => {
          const run = await begin();
          for (const act of [...before, ...after]) await run.act(act);
          await run.rest();
          if (run.failed)
            await expect(run.store.close()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
          expect(run.problems).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
