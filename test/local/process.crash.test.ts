import { execFileSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { needs } from '../support/tools.ts';
import { completed, effects, onceEach, order, PATIENCE_MS, server, setFault } from './process-support.ts';
import { temporaryDirectory } from './store/support.ts';

const SENTENCE =
  /^stepline: the data directory cannot be written \(.+\): free or mend the disk, then start again; nothing that was answered is lost\n$/;

/** Enough for some orders, and for the files that belong to the database. */
const FEW_BLOCKS = 64;

describe('the server', { timeout: 4 * PATIENCE_MS }, () => {
  it('killed in the middle of a call finishes at its next start, with one effect and no attempt counted', async () => {
    const directory = await temporaryDirectory();
    const first = await server(['--data', directory]);
    await setFault(first.admin, 'payments', { latencyMs: 60_000, late: true });
    const id = await order(first.url);
    await vi.waitFor(async () => expect(await effects(first.admin)).toHaveLength(1), PATIENCE_MS);
    first.child.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');

    const second = await server(['--data', directory]);
    expect(second.stdout()).toContain('1 unfinished workflow(s) of an earlier run go on');
    const { timeline } = await completed(second.url, id);
    // The claim was in memory alone: what may be lost with the process is shown, and costs no attempt.
    expect(timeline?.map(({ step, attempt, outcome }) => [step, attempt, outcome])).toEqual([
      ['payment', 1, 'interrupted'],
      ['payment', 1, 'completed'],
      ['shipment', 1, 'completed'],
      ['confirmation', 1, 'completed'],
    ]);
    expect((await effects(second.admin)).sort()).toEqual(onceEach(id).sort());
  });

  it('whose directory can no longer be written says so and ends, and nothing that it answered is lost', async () => {
    const directory = await temporaryDirectory();
    const first = await server(['--data', directory, '--log-level', 'error'], { fileBlocks: FEW_BLOCKS });
    const ids: string[] = [];
    for (let id: string | undefined = ''; id !== undefined; ) {
      id = await order(first.url).catch(() => undefined);
      if (id !== undefined) ids.push(id);
    }
    expect(await first.ended).toBe(1);
    expect(first.stderr()).toMatch(SENTENCE);
    expect(ids.length).toBeGreaterThan(0);

    const second = await server(['--data', directory, '--log-level', 'error']);
    for (const id of ids) await completed(second.url, id);
    const done = new Set(await effects(second.admin));
    for (const effect of ids.flatMap(onceEach)) expect([...done]).toContain(effect);
    expect([...done].filter((effect) => !effect.endsWith(' 1'))).toEqual([]);
    second.child.kill('SIGTERM');
    expect([await second.ended, second.stderr()]).toEqual([0, '']);
  });

  it('that cannot save when it is told to end says so, and goes on with what was lost at its next start', async (context) => {
    needs(context, 'prlimit');
    const directory = await temporaryDirectory();
    const first = await server(['--data', directory]);
    const id = await order(first.url);
    await completed(first.url, id);
    execFileSync('prlimit', ['--pid', String(first.child.pid), '--fsize=1']);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(1);
    expect(first.stderr()).toMatch(SENTENCE);
    const second = await server(['--data', directory]);
    expect((await completed(second.url, id)).workflowId).toBe(id);
  });
});
