import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SAMPLE } from '../../lib/local/sample.ts';
import { completed, order, PATIENCE_MS, server } from './process-support.ts';
import { temporaryDirectory } from './store/support.ts';

/** The files with these bytes, and the modes that files and directory have. */
async function look(directory: string, text: string) {
  const holding: string[] = [];
  const modes = new Set<string>([]);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    modes.add(((await stat(path)).mode & 0o777).toString(8));
    if ((await readFile(path)).includes(text)) holding.push(name);
  }
  return { holding, modes, mode: ((await stat(directory)).mode & 0o777).toString(8) };
}

describe('the directory of a process', { timeout: 4 * PATIENCE_MS }, () => {
  it('is its user’s alone, and holds the card of no order that has ended once the process has', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    const { url, child, ended } = await server(['--data', directory, '--log-level', 'silent']);
    const { card } = SAMPLE.body;
    await completed(url, await order(url));
    const running = await look(directory, card);
    // While it runs, the log has what was written before the end of the order; the ledger never has it.
    expect(running.holding).toEqual([expect.stringMatching(/^\d+\.log$/)]);
    expect([running.mode, running.modes]).toEqual(['700', new Set(['600'])]);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(await look(directory, card)).toEqual({ holding: [], modes: new Set(['600']), mode: '700' });
  });
});
