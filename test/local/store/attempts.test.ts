import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAttempts } from '../../../lib/local/store/attempts.ts';
import { openRunning, RUNNING, type RunningStep } from '../../../lib/local/store/files/running.ts';
import { closers } from '../../support/closers.ts';
import { temporaryDirectory } from './support.ts';

const stepOf = (name: string): RunningStep => ({ tenant: 'default', workflowId: `wf_${name}`, step: 'work' });

/** One life of a process after another over the same file; none of them closes it. */
async function lives() {
  const directory = await temporaryDirectory();
  const begin = () => {
    const file = openRunning(directory);
    closers.push(() => file.close());
    const attempts = createAttempts(file);
    attempts.settled();
    return attempts;
  };
  return { begin, path: join(directory, RUNNING) };
}

type Attempts = ReturnType<typeof createAttempts>;
const suspectsOf = ({ suspects }: Attempts): string =>
  suspects.map(({ workflowId, counts }) => `${workflowId.slice(3)}${counts ? ' counts' : ''}`).join(', ');

describe('of a life that ended', () => {
  it('what was running is known, and what had ended is not', async () => {
    const { begin } = await lives();
    const first = begin();
    first.begin(stepOf('a'));
    first.begin(stepOf('b')).end();
    first.begin(stepOf('c'));
    expect(suspectsOf(begin())).toBe('a, c');
  });

  it('by the doing of an attempt, that one counts, whatever ran beside it, and comes last', async () => {
    const { begin } = await lives();
    const first = begin();
    first.begin(stepOf('a')).blame();
    first.begin(stepOf('b'));
    expect(suspectsOf(begin())).toBe('b, a counts');
  });

  it('by an attempt whose outcome is saved, nothing counts', async () => {
    const { begin } = await lives();
    const first = begin();
    const attempt = first.begin(stepOf('a'));
    attempt.end();
    const next = first.begin(stepOf('b'));
    attempt.blame();
    expect(suspectsOf(begin())).toBe('b');
    next.end();
  });

  it('by a kill, nothing counts, be it of one attempt or of several', async () => {
    const { begin } = await lives();
    begin().begin(stepOf('a'));
    expect(suspectsOf(begin())).toBe('a');
  });

  it('by a kill in the turn of a suspect, that one counts, and the others still wait for theirs', async () => {
    const { begin } = await lives();
    const first = begin();
    for (const name of ['a', 'b', 'c']) first.begin(stepOf(name));
    const second = begin();
    second.begin(stepOf('a')).end();
    second.begin(stepOf('b'));
    const third = begin();
    expect(suspectsOf(third)).toBe('c, b counts');
    // It counted once: a life that ends before its next turn counts nothing more.
    expect(suspectsOf(begin())).toBe('b, c');
  });

  it('by a kill while something ran beside a suspect, nothing counts', async () => {
    const { begin } = await lives();
    const first = begin();
    for (const name of ['a', 'b']) first.begin(stepOf(name));
    const second = begin();
    second.begin(stepOf('a'));
    second.begin(stepOf('b'));
    expect(suspectsOf(begin())).toBe('a, b');
  });

  it('after it was told to end, nothing counts', async () => {
    const { begin } = await lives();
    begin().begin(stepOf('a'));
    const second = begin();
    second.begin(stepOf('a'));
    second.forgive();
    expect(suspectsOf(begin())).toBe('a');
  });
});

describe('the file', () => {
  it('uses a place again, and does not grow with what has ended', async () => {
    const { begin, path } = await lives();
    const attempts = begin();
    for (let times = 0; times < 100; times += 1) {
      const two = [attempts.begin(stepOf('a')), attempts.begin(stepOf('b'))];
      for (const attempt of two) attempt.end();
    }
    expect((await stat(path)).size).toBe(512);
    expect(suspectsOf(begin())).toBe('');
  });

  it('that is damaged says less, and nothing wrong', async () => {
    const { begin, path } = await lives();
    const first = begin();
    for (const name of ['a', 'b', 'c']) first.begin(stepOf(name));
    const bytes = await readFile(path);
    bytes.write('x', 256 + 12);
    await writeFile(path, bytes.subarray(0, 700));
    const next = begin();
    expect(suspectsOf(next)).toBe('a');
    next.begin(stepOf('d'));
    expect(suspectsOf(begin())).toBe('a, d');
  });
});
