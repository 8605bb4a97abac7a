import { describe, expect, it, vi } from 'vitest';
import { createGroupCommit, type Operation } from '../../../lib/local/store/group-commit.ts';
import { settle } from '../../support/manual-clock.ts';

/** A write that the test ends. */
interface HeldWrite {
  readonly operations: readonly Operation[];
  end(): void;
  fail(error: Error): void;
}

/** A group commit whose turns and writes happen when the test says so. */
function make() {
  const writes: HeldWrite[] = [];
  const turns: (() => void)[] = [];
  const onFailure = vi.fn((_: unknown): void => undefined);
  const commits = createGroupCommit({
    write: (operations) =>
      new Promise((end, fail) => {
        writes.push({ operations, end, fail });
      }),
    schedule: (action) => {
      turns.push(action);
    },
    onFailure,
  });
  const turn = async (): Promise<void> => {
    for (const action of turns.splice(0)) action();
    await settle();
  };
  /** The only write under way. */
  const write = (): HeldWrite => {
    const [found, ...others] = writes;
    if (found === undefined || others.length > 0) throw new Error(`${writes.length} writes are under way`);
    return found;
  };
  /** Ends the write that is under way, and lets what waited for it begin. */
  const finish = async (error?: Error): Promise<void> => {
    const held = write();
    writes.splice(writes.indexOf(held), 1);
    if (error === undefined) held.end();
    else held.fail(error);
    await settle();
    await turn();
  };
  return { commits, writes, turns, write, turn, finish, onFailure };
}

const put = (key: string, value = key): Operation => ({ type: 'put', key, value });
const keysOf = ({ operations }: HeldWrite): string[] => operations.map(({ key }) => key);
const FULL = new Error('the disk is full');

/** What became of promises so far: `waits`, `done` or an error's message. */
function watch(...promises: readonly Promise<void>[]): string[] {
  const states = promises.map(() => 'waits');
  for (const [at, promise] of promises.entries()) {
    promise.then(
      () => {
        states[at] = 'done';
      },
      (error: Error) => {
        states[at] = error.message;
      },
    );
  }
  return states;
}

describe('a flush', () => {
  it('is shared by everything that was asked for in one turn', async () => {
    const { commits, turns, write, turn, finish } = make();
    const states = watch(
      commits.flush([put('a'), put('b')]),
      commits.flush([put('c')]),
      commits.flush([put('d')]),
    );
    expect(turns).toHaveLength(1);
    await turn();
    expect(keysOf(write())).toEqual(['a', 'b', 'c', 'd']);
    expect(states).toEqual(['waits', 'waits', 'waits']);
    await finish();
    expect(states).toEqual(['done', 'done', 'done']);
    expect(commits.flushes()).toBe(1);
  });

  it('under way takes nothing more: what comes meanwhile shares the next one', async () => {
    const { commits, writes, turns, write, turn, finish } = make();
    const states = watch(commits.flush([put('a')]));
    await turn();
    const later = watch(commits.flush([put('b')]), commits.flush([put('c')]));
    expect(turns).toHaveLength(0);
    expect(writes).toHaveLength(1);
    await finish();
    expect(states).toEqual(['done']);
    expect(later).toEqual(['waits', 'waits']);
    expect(keysOf(write())).toEqual(['b', 'c']);
    await finish();
    expect(later).toEqual(['done', 'done']);
    expect(commits.flushes()).toBe(2);
  });

  it('leaves nothing to be done when nothing more was asked for', async () => {
    const { commits, writes, turns, turn, finish } = make();
    void commits.flush([put('a')]);
    await turn();
    await finish();
    expect([writes, turns]).toEqual([[], []]);
    expect(commits.flushes()).toBe(1);
  });

  it('writes of several changes of one key the last alone', async () => {
    const { commits, write, turn } = make();
    void commits.flush([put('a', '1')]);
    void commits.flush([{ type: 'del', key: 'a' }]);
    void commits.flush([put('a', '3'), put('b')]);
    await turn();
    expect(write().operations).toEqual([put('a', '3'), put('b')]);
  });

  it('writes a change of a key that is being written after that one', async () => {
    const { commits, write, turn, finish } = make();
    const first = watch(commits.flush([put('a', '1')]));
    await turn();
    const second = watch(commits.flush([{ type: 'del', key: 'a' }]));
    expect(write().operations).toEqual([put('a', '1')]);
    await finish();
    expect([...first, ...second]).toEqual(['done', 'waits']);
    expect(write().operations).toEqual([{ type: 'del', key: 'a' }]);
    await finish();
    expect(second).toEqual(['done']);
  });
});

describe('a write that fails', () => {
  it('fails everything that waits, with its own error', async () => {
    const { commits, writes, turn, finish } = make();
    const states = watch(commits.flush([put('a')]), commits.flush([put('b')]));
    await turn();
    const waiting = watch(commits.flush([put('b')]), commits.flush([put('c')]));
    await finish(FULL);
    expect(states).toEqual([FULL.message, FULL.message]);
    expect(waiting).toEqual([FULL.message, FULL.message]);
    expect(writes).toHaveLength(0);
  });

  it('is the last: all that is asked for later fails with the same error, and nothing is written again', async () => {
    const { commits, writes, turns, turn, finish } = make();
    void watch(commits.flush([put('a')]));
    await turn();
    void watch(commits.flush([put('b')]));
    await finish(FULL);
    for (let times = 0; times < 3; times += 1) {
      await expect(commits.flush([put('a'), put('d')])).rejects.toBe(FULL);
      await turn();
    }
    expect([writes, turns]).toEqual([[], []]);
    expect(commits.flushes()).toBe(1);
  });

  it('is told to onFailure once, with its error, before any caller hears of it', async () => {
    const { commits, turn, finish, onFailure } = make();
    const states = watch(commits.flush([put('a')]), commits.flush([put('b')]));
    await turn();
    const waiting = watch(commits.flush([put('c')]));
    let seen: readonly string[] = [];
    onFailure.mockImplementation(() => {
      seen = [...states, ...waiting];
    });
    await finish(FULL);
    void watch(commits.flush([put('d')]));
    await turn();
    expect(onFailure.mock.calls).toEqual([[FULL]]);
    expect(seen).toEqual(['waits', 'waits', 'waits']);
    expect([...states, ...waiting]).toEqual([FULL.message, FULL.message, FULL.message]);
  });

  it('refuses also what is asked for by whoever is told of it', async () => {
    const { commits, turns, turn, finish, onFailure } = make();
    const states = watch(commits.flush([put('a')]));
    const late: string[][] = [];
    onFailure.mockImplementation(() => {
      late.push(watch(commits.flush([put('b')])));
    });
    await turn();
    await finish(FULL);
    expect([states, ...late]).toEqual([[FULL.message], [FULL.message]]);
    expect(turns).toHaveLength(0);
  });

  it('fails no flush that was done before', async () => {
    const { commits, turn, finish } = make();
    const first = watch(commits.flush([put('a')]));
    await turn();
    const second = watch(commits.flush([put('b')]));
    await finish();
    await finish(FULL);
    expect([...first, ...second]).toEqual(['done', FULL.message]);
  });

  it('may fail before it returns a promise', async () => {
    const turns: (() => void)[] = [];
    const onFailure = vi.fn();
    const write = (): Promise<void> => {
      throw FULL;
    };
    const commits = createGroupCommit({ write, schedule: (action) => turns.push(action), onFailure });
    const states = watch(commits.flush([put('a')]));
    for (const action of turns) action();
    await settle();
    expect(states).toEqual([FULL.message]);
    expect(onFailure).toHaveBeenCalledTimes(1);
    await commits.idle();
  });

  it('ends no process where nobody waits for what it took with it', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const { commits, turn, finish } = make();
      void commits.flush([put('a')]);
      await turn();
      void commits.flush([put('b')]);
      await finish(FULL);
      await settle();
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});

describe('idle', () => {
  it('resolves at once when nothing waits', async () => {
    await expect(make().commits.idle()).resolves.toBeUndefined();
  });

  it('waits for a flush, before it begins and while it is under way', async () => {
    const { commits, turn, finish } = make();
    void commits.flush([put('a')]);
    const early = watch(commits.idle());
    await turn();
    const late = watch(commits.idle());
    await turn();
    expect([...early, ...late]).toEqual(['waits', 'waits']);
    await finish();
    expect([...early, ...late]).toEqual(['done', 'done']);
  });

  it('waits for what comes meanwhile', async () => {
    const { commits, turn, finish } = make();
    void commits.flush([put('a')]);
    await turn();
    void commits.flush([put('b')]);
    const idle = watch(commits.idle());
    await finish();
    void commits.flush([put('c')]);
    expect(idle).toEqual(['waits']);
    await finish();
    expect(idle).toEqual(['waits']);
    await finish();
    expect(idle).toEqual(['done']);
  });

  it('waits for what is asked for by whoever a flush has served', async () => {
    const { commits, turn, finish } = make();
    void commits.flush([put('a')]).then(() => commits.flush([put('b')]));
    const idle = watch(commits.idle());
    await turn();
    await finish();
    expect(idle).toEqual(['waits']);
    await finish();
    expect(idle).toEqual(['done']);
  });

  it('resolves when what waited has failed, and at once ever after', async () => {
    const { commits, turn, finish } = make();
    const states = watch(commits.flush([put('a')]));
    await turn();
    const waiting = watch(commits.flush([put('b')]));
    const idle = watch(commits.idle());
    await finish(FULL);
    expect([...states, ...waiting, ...idle]).toEqual([FULL.message, FULL.message, 'done']);
    await expect(commits.idle()).resolves.toBeUndefined();
  });
});
