import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startAnswer } from '../../lib/contract/wire.ts';
import { PATIENCE_MS, type Run, run, show } from './process-support.ts';
import { temporaryDirectory } from './store/support.ts';

const ROOT = join(import.meta.dirname, '../..');
const ENTRY = join(ROOT, 'dist/test/stray.js');

beforeAll(async () => {
  await build({
    entryPoints: [join(ROOT, 'bin/local.ts')],
    outfile: ENTRY,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    alias: { '#chains': join(import.meta.dirname, 'stray-chains.ts') },
  });
});

interface Life extends Run {
  readonly url: string;
}

async function begin(data: string): Promise<Life> {
  const life = run(['--port', '0', '--no-sample', '--data', data], { entry: ENTRY });
  return { ...life, url: await life.prints(/listens on (\S+)/) };
}

async function start(url: string, input: Readonly<Record<string, string>>): Promise<string> {
  const reply = await fetch(`${url}/api/stray`, { method: 'POST', body: JSON.stringify(input) });
  return startAnswer.parse(await reply.json()).workflowId;
}

/** Starts the process again whenever it ended, until this workflow has ended too. */
async function liveOn(first: Life, data: string, id: string): Promise<{ last: Life; deaths: number }> {
  let last = first;
  for (let deaths = 0; deaths < 12; ) {
    const over = await Promise.race([last.ended.then(() => true), settled(last.url, id)]);
    if (!over) return { last, deaths };
    deaths += 1;
    last = await begin(data);
  }
  throw new Error('the process ends at every start');
}

/** False once the workflow has ended; a process that is gone answers nothing more. */
async function settled(url: string, id: string): Promise<boolean> {
  await vi.waitFor(async () => {
    if ((await show(url, id)).status === 'processing') throw new Error('it goes on');
  }, 60_000);
  return false;
}

describe('a step that ends its process', { timeout: 8 * PATIENCE_MS }, () => {
  it.each([
    // By an error or an exit of its own it is known at once; a kill says nothing, so its first life with others does not count.
    ['rejects without anybody who waits', 3],
    ['throws in a timer', 3],
    ['exits', 3],
    ['is killed', 4],
  ])('as it %s fails after its attempts, in %d lives, and takes nobody with it', async (way, lives) => {
    const directory = await temporaryDirectory();
    const [data, file] = [join(directory, 'data'), join(directory, 'begun')];
    const first = await begin(data);
    const others = ['a', 'b', 'c'].map((name) => start(first.url, { way: 'fine', name, file }));
    const fine = await Promise.all(others);
    const poison = await start(first.url, { way, name: 'poison', file });
    const { last, deaths } = await liveOn(first, data, poison);
    expect(deaths).toBe(lives);
    const { status, error } = await show(last.url, poison);
    expect([status, error?.code, error?.attempts]).toEqual(['failed', 'WORKER_DIED', 3]);
    for (const id of fine) {
      await vi.waitFor(async () => expect((await show(last.url, id)).status).toBe('completed'), PATIENCE_MS);
      expect((await show(last.url, id)).timeline?.at(-1)).toMatchObject({ attempt: 1, outcome: 'completed' });
    }
    const begun = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
    expect(begun.filter((name) => name === 'poison')).toHaveLength(lives);
    // Each of the others was disturbed once: then it was begun alone, or before the one that ends processes.
    for (const name of ['a', 'b', 'c']) expect(begun.filter((one) => one === name).length).toBeLessThan(3);
    last.child.kill('SIGTERM');
    expect(await last.ended).toBe(0);
  });
});
