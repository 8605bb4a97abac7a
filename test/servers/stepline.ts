import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { ChainDefinition } from '../../lib/chain/index.ts';
import { startAnswer, type WorkflowAnswer } from '../../lib/contract/wire.ts';
import { type LocalProcess, startLocal } from '../../lib/local/process.ts';
import { QUIET, show } from '../local/process-support.ts';
import { closers } from '../support/closers.ts';

/** What of `targets.json` a user writes. */
export type Targets = Readonly<
  Record<string, { readonly baseUrl: string; readonly headers?: Readonly<Record<string, string>> }>
>;

export interface Stepline {
  readonly local: LocalProcess;
  /** Starts a workflow. */
  begin(path: string, input: unknown): Promise<string>;
  /** The timeline of a workflow once it is no longer `processing`. */
  ended(id: string, patienceMs?: number): Promise<WorkflowAnswer>;
  /** Of thousands of them, one after another: who asks for all at once keeps the process from its work. */
  allEnded(ids: readonly string[]): Promise<readonly WorkflowAnswer[]>;
  /** Starts one, and waits until it has ended. */
  run(path: string, input: unknown): Promise<WorkflowAnswer>;
}

/**
 * The one process with these chains and this file of targets, until the test has ended. The waits between attempts are a hundredth.
 * @param demo targets that are demo ones all the same
 */
export async function stepline(
  chains: readonly ChainDefinition[],
  targets: Targets,
  demo: readonly string[] = [],
): Promise<Stepline> {
  const folder = mkdtempSync(join(tmpdir(), 'stepline-targets-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'targets.json');
  writeFileSync(file, JSON.stringify(targets));
  const options = { ...QUIET, targets: file, demo, backoffScale: 0.01 };
  const local = await startLocal(chains, options, { readable: false, say: () => undefined });
  closers.push(() => local.stop());
  const begin = async (path: string, input: unknown): Promise<string> => {
    const reply = await fetch(local.baseUrl + path, { method: 'POST', body: JSON.stringify(input) });
    const text = await reply.text();
    expect(reply.status, text).toBe(202);
    return startAnswer.parse(JSON.parse(text)).workflowId;
  };
  const ended = (id: string, patienceMs = 30_000): Promise<WorkflowAnswer> =>
    vi.waitFor(
      async () => {
        const shown = await show(local.baseUrl, id);
        expect(shown.status, JSON.stringify(shown)).not.toBe('processing');
        return shown;
      },
      { timeout: patienceMs, interval: 20 },
    );
  const allEnded = async (ids: readonly string[]): Promise<readonly WorkflowAnswer[]> => {
    const all: WorkflowAnswer[] = [];
    for (const id of ids) all.push(await ended(id, 120_000));
    return all;
  };
  return { local, begin, ended, allEnded, run: async (path, input) => await ended(await begin(path, input)) };
}
