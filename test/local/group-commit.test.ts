import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGroupCommit, type Operation } from '../../lib/local/group-commit.ts';
import { settle } from '../support/manual-clock.ts';

/** A write that the test ends. */
interface HeldWrite {
  readonly sync: boolean;
  readonly operations: readonly Operation[];
  end(): void;
  fail(error: Error): void;
}

/** A group commit whose turns and writes happen when the test says so. */
function make(flushHandedAfterMs?: number) {
  const writes: HeldWrite[] = [];
  const turns: (() => void)[] = [];
  const onFailure = vi.fn();
  const commits = createGroupCommit({
    write: (operations, sync) =>
      new Promise((end, fail) => {
        writes.push({ sync, operations, end, fail });
      }),
    schedule: (action) => {
      turns.push(action);
    },
    onFailure,
    ...(flushHandedAfterMs === undefined ? {} : { flushHandedAfterMs }),
  });
  const turn = async (): Promise<void> => {
    for (const action of turns.splice(0)) action();
    await settle();
  };
  /** The only write under way, or the one of that kind. */
  const write = (sync?: boolean): HeldWrite => {
    const [found, ...others] = writes.filter((one) => sync === undefined || one.sync === sync);
    if (found === undefined || others.length > 0) throw new Error(`${writes.length} writes are under way`);
    return found;
  };
  /** Ends a write, and lets what waited for it begin. */
  const finish = async (held: HeldWrite, error?: Error): Promise<void> => {
    writes.splice(writes.indexOf(held), 1);
    if (error === undefined) held.end();
    else held.fail(error);
    await settle();
    await turn();
  };
  return { commits, writes, write, turn, finish, onFailure };
}

const put = (key: string, value = key): Operation => ({ type: 'put', key, value });
const keysOf = ({ operations }: HeldWrite): string[] => operations.map(({ key }) => key);

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
    const { commits, write, turn, finish } = make();
    const states = watch(
      commits.flush([put('a'), put('b')]),
      commits.flush([put('c')]),
      commits.flush([put('d')]),
    );
    await turn();
    expect(write().sync).toBe(true);
    expect(keysOf(write())).toEqual(['a', 'b', 'c', 'd']);
    expect(states).toEqual(['waits', 'waits', 'waits']);
    await finish(write());
    expect(states).toEqual(['done', 'done', 'done']);
    expect(commits.flushes).toBe(1);
  });

  it('under way takes nothing more: what comes meanwhile shares the next one', async () => {
    const { commits, writes, write, turn, finish } = make();
    const states = watch(commits.flush([put('a')]));
    await turn();
    const later = watch(commits.flush([put('b')]), commits.flush([put('c')]));
    await turn();
    expect(writes).toHaveLength(1);
    await finish(write());
    expect(states).toEqual(['done']);
    expect(later).toEqual(['waits', 'waits']);
    expect(keysOf(write())).toEqual(['b', 'c']);
    await finish(write());
    expect(later).toEqual(['done', 'done']);
    expect(commits.flushes).toBe(2);
  });

  it('writes of several changes of one key the last alone', async () => {
    const { commits, write, turn } = make();
    void commits.flush([put('a', '1')]);
    void commits.flush([{ type: 'del', key: 'a' }]);
    void commits.flush([put('a', '3'), put('b')]);
    await turn();
    expect(write().operations).toEqual([put('a', '3'), put('b')]);
  });
});

describe('a change that is handed over', () => {
  it('is written without a sync, and is done when that write is', async () => {
    const { commits, write, turn, finish } = make();
    const states = watch(commits.hand(put('a')), commits.hand(put('b')));
    await turn();
    expect(write().sync).toBe(false);
    expect(keysOf(write())).toEqual(['a', 'b']);
    expect(states).toEqual(['waits', 'waits']);
    await finish(write());
    expect(states).toEqual(['done', 'done']);
    expect(commits.flushes).toBe(0);
  });

  it('overtakes a flush that is under way', async () => {
    const { commits, write, turn, finish } = make();
    const flushed = watch(commits.flush([put('a')]));
    await turn();
    const handed = watch(commits.hand(put('b')));
    await turn();
    await finish(write(false));
    expect(handed).toEqual(['done']);
    expect(flushed).toEqual(['waits']);
  });

  it.each(['is under way', 'waits'])('does not overtake a flush of the same key that %s', async (when) => {
    const { commits, write, turn, finish } = make();
    const flushed = watch(commits.flush([put('a', '1')]));
    if (when === 'is under way') await turn();
    const handed = watch(commits.hand(put('a', '2')));
    await turn();
    expect(write().sync).toBe(true);
    while (flushed[0] === 'waits') await finish(write());
    if (when === 'is under way') {
      expect(handed).toEqual(['waits']);
      expect(write().sync).toBe(true);
      await finish(write());
    }
    expect(handed).toEqual(['done']);
  });

  it.each(['is under way', 'waits'])(
    'comes before a flush of the same key that is asked for while it %s',
    async (when) => {
      const { commits, write, turn, finish } = make();
      void commits.hand(put('a', '1'));
      if (when === 'is under way') await turn();
      const flushed = watch(commits.flush([put('a', '2')]));
      await turn();
      expect(write().operations).toEqual([put('a', '1')]);
      await finish(write(false));
      expect(write().operations).toEqual([put('a', '2')]);
      await finish(write(true));
      expect(flushed).toEqual(['done']);
    },
  );

  it('is on disk with the next flush, which waits for its write to end', async () => {
    const { commits, write, turn, finish } = make();
    void commits.hand(put('a'));
    await turn();
    void commits.flush([put('b')]);
    await turn();
    expect(write().sync).toBe(false);
    await finish(write());
    expect(write().sync).toBe(true);
  });
});

describe('a change that was handed over and that nobody flushes', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const withTimers = (flushHandedAfterMs?: number) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    return make(flushHandedAfterMs);
  };

  it('is flushed after the delay, once', async () => {
    const { commits, writes, write, turn, finish } = withTimers(50);
    void commits.hand(put('a'));
    await turn();
    await finish(write());
    vi.advanceTimersByTime(49);
    await turn();
    expect(writes).toHaveLength(0);
    vi.advanceTimersByTime(1);
    await turn();
    expect(write().sync).toBe(true);
    await finish(write());
    vi.advanceTimersByTime(1_000);
    await turn();
    expect(writes).toHaveLength(0);
    expect(commits.flushes).toBe(1);
  });

  it('needs no flush of its own when another began after it', async () => {
    const { commits, writes, write, turn, finish } = withTimers(50);
    void commits.hand(put('a'));
    await turn();
    await finish(write());
    void commits.flush([put('b')]);
    await turn();
    await finish(write());
    vi.advanceTimersByTime(1_000);
    await turn();
    expect(writes).toHaveLength(0);
    expect(commits.flushes).toBe(1);
  });

  it('is flushed after the delay also when one before it needed no flush of its own', async () => {
    const { commits, write, turn, finish } = withTimers(50);
    for (const change of [() => commits.hand(put('a')), () => commits.flush([put('b')])]) {
      void change();
      await turn();
      await finish(write());
    }
    void commits.hand(put('c'));
    await turn();
    await finish(write());
    vi.advanceTimersByTime(50);
    await turn();
    expect(write().sync).toBe(true);
    expect(commits.flushes).toBe(2);
  });

  it('needs one when the last flush began before it was written', async () => {
    const { commits, write, turn, finish } = withTimers(50);
    void commits.flush([put('b')]);
    await turn();
    void commits.hand(put('a'));
    await turn();
    await finish(write(false));
    await finish(write(true));
    vi.advanceTimersByTime(50);
    await turn();
    expect(write().sync).toBe(true);
    expect(commits.flushes).toBe(2);
  });

  it('stays with the operating system where no delay is given', async () => {
    const { commits, writes, write, turn, finish } = withTimers();
    void commits.hand(put('a'));
    await turn();
    await finish(write());
    vi.advanceTimersByTime(1_000_000);
    await turn();
    expect(writes).toHaveLength(0);
  });

  it('is not flushed any more once everything is idle: whoever waited for that closes the database', async () => {
    const { commits, writes, write, turn, finish } = withTimers(50);
    void commits.hand(put('a'));
    await turn();
    await finish(write());
    await commits.idle();
    vi.advanceTimersByTime(1_000);
    await turn();
    expect(writes).toHaveLength(0);
  });

  it('does not end the process when that flush fails', async () => {
    const { commits, write, turn, finish, onFailure } = withTimers(50);
    void commits.hand(put('a'));
    await turn();
    await finish(write());
    vi.advanceTimersByTime(50);
    await turn();
    await finish(write(), new Error('the disk is full'));
    expect(onFailure).toHaveBeenCalledTimes(1);
  });
});

describe('a write that fails', () => {
  it.each([
    ['flush', true],
    ['handed change', false],
  ] as const)('of a %s fails everything that waits, with its own error', async (_, sync) => {
    const { commits, writes, write, turn, finish } = make();
    const states = watch(sync ? commits.flush([put('a')]) : commits.hand(put('a')));
    await turn();
    const waiting = watch(commits.flush([put('b')]), commits.hand(put('b')), commits.flush([put('c')]));
    await finish(write(), new Error('the disk is full'));
    expect(states).toEqual(['the disk is full']);
    expect(waiting).toEqual(['the disk is full', 'the disk is full', 'the disk is full']);
    expect(writes).toHaveLength(0);
  });

  it('is told to onFailure once, before any caller hears of it', async () => {
    const { commits, write, turn, finish, onFailure } = make();
    const states = watch(commits.flush([put('a')]), commits.flush([put('b')]));
    await turn();
    const waiting = watch(commits.flush([put('c')]));
    let seen: readonly string[] = [];
    onFailure.mockImplementation(() => {
      seen = [...states, ...waiting];
    });
    await finish(write(), new Error('the disk is full'));
    expect(onFailure).toHaveBeenCalledTimes(1);
    expect(seen).toEqual(['waits', 'waits', 'waits']);
    expect([...states, ...waiting]).toEqual(Array.from({ length: 3 }, () => 'the disk is full'));
  });

  it('leaves the next write alone', async () => {
    const { commits, write, turn, finish, onFailure } = make();
    const lost = watch(commits.flush([put('a')]));
    await turn();
    await finish(write(), new Error('the disk is full'));
    const states = watch(commits.flush([put('b')]), commits.hand(put('c')));
    await turn();
    await finish(write(true));
    await finish(write(false));
    expect([...lost, ...states]).toEqual(['the disk is full', 'done', 'done']);
    expect(onFailure).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['flush', true],
    ['handed change', false],
  ] as const)(
    'of a %s is told when no other write is under way, and not to whom that one served',
    async (_, sync) => {
      const { commits, writes, write, turn, finish, onFailure } = make();
      const states = watch(commits.flush([put('a')]), commits.hand(put('b')));
      await turn();
      await finish(write(sync), new Error('the disk is full'));
      const late = watch(commits.flush([put('c')]), commits.hand(put('d')));
      await turn();
      expect(onFailure).not.toHaveBeenCalled();
      expect(writes).toHaveLength(1);
      expect([...states, ...late]).toEqual(['waits', 'waits', 'waits', 'waits']);
      await finish(write(!sync));
      expect(onFailure).toHaveBeenCalledTimes(1);
      const lost = 'the disk is full';
      expect(states).toEqual(sync ? [lost, 'done'] : ['done', lost]);
      expect(late).toEqual([lost, lost]);
    },
  );

  it('leaves nothing behind that a later flush would wait for', async () => {
    const { commits, write, turn, finish } = make();
    const lost = watch(commits.hand(put('a')));
    await turn();
    void watch(commits.hand(put('b')), commits.flush([put('b')]));
    await finish(write(), new Error('the disk is full'));
    const states = watch(commits.flush([put('c')]));
    await turn();
    await finish(write(true));
    expect([...lost, ...states]).toEqual(['the disk is full', 'done']);
  });

  it('is told once when both writes under way fail', async () => {
    const { commits, write, turn, finish, onFailure } = make();
    const flushed = watch(commits.flush([put('a')]));
    await turn();
    const handed = watch(commits.hand(put('b')));
    await turn();
    await finish(write(false), new Error('first'));
    await finish(write(true), new Error('second'));
    expect(onFailure).toHaveBeenCalledTimes(1);
    expect([...flushed, ...handed]).toEqual(['first', 'first']);
  });
});

describe('idle', () => {
  it('resolves at once when nothing waits', async () => {
    await expect(make().commits.idle()).resolves.toBeUndefined();
  });

  it.each(['hand', 'flush'] as const)(
    'waits for a %s, before it begins and while it is under way',
    async (lane) => {
      const { commits, write, turn, finish } = make();
      void (lane === 'hand' ? commits.hand(put('a')) : commits.flush([put('a')]));
      const early = watch(commits.idle());
      await turn();
      const late = watch(commits.idle());
      await turn();
      expect([...early, ...late]).toEqual(['waits', 'waits']);
      await finish(write());
      expect([...early, ...late]).toEqual(['done', 'done']);
    },
  );

  it('waits for both lanes, and for what comes meanwhile', async () => {
    const { commits, write, turn, finish } = make();
    void commits.flush([put('a')]);
    void commits.hand(put('b'));
    const idle = watch(commits.idle());
    await turn();
    await finish(write(false));
    void commits.flush([put('c')]);
    await finish(write(true));
    expect(idle).toEqual(['waits']);
    await finish(write(true));
    expect(idle).toEqual(['done']);
  });

  it('resolves when what waited has failed', async () => {
    const { commits, write, turn, finish } = make();
    const states = watch(commits.flush([put('a')]));
    const idle = watch(commits.idle());
    await turn();
    await finish(write(), new Error('the disk is full'));
    expect([...states, ...idle]).toEqual(['the disk is full', 'done']);
  });
});
