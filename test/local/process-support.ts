import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, vi } from 'vitest';
import * as z from 'zod';
import { timelinePath, type WorkflowStatus } from '../../lib/contract/names.ts';
import { startAnswer, type WorkflowAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import type { Options } from '../../lib/local/options.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import { TEST_SERVER } from '../support/build.ts';
import { closers } from '../support/closers.ts';

export const PATIENCE_MS = 15_000;

/** A server on any free port, in memory, that says nothing. */
export const QUIET: Options = {
  port: 0,
  data: undefined,
  acceptLoss: false,
  sample: false,
  dev: false,
  targets: undefined,
  demo: [],
  allowedOrigins: [],
  logLevel: 'silent',
  backoffScale: 1,
};

/** The server in a process of its own. */
export interface Run {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  /** Resolves once it has printed that. */
  prints(text: string | RegExp): Promise<string>;
}

interface Surroundings {
  /** What is started, if not the server of the tests. */
  readonly entry?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How large a file of the process may become, in blocks of 512 or 1,024 bytes: to a write that is as a full disk. */
  readonly fileBlocks?: number;
}

export function run(
  args: readonly string[],
  { entry = TEST_SERVER, env = {}, fileBlocks }: Surroundings = {},
): Run {
  const limit = fileBlocks === undefined ? '' : `ulimit -f ${fileBlocks}; `;
  const command = [process.execPath, '--enable-source-maps', entry, ...args];
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  closers.push(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  const prints = (text: string | RegExp): Promise<string> =>
    vi.waitFor(
      () => {
        expect(out + err).toMatch(text);
        return (typeof text === 'string' ? text : text.exec(out + err)?.[1]) ?? '';
      },
      { timeout: PATIENCE_MS, interval: 10 },
    );
  return { child, stdout: () => out, stderr: () => err, ended, prints };
}

/** A server that listens, and its two addresses. */
export async function server(args: readonly string[], surroundings?: Surroundings) {
  const running = run(['--port', '0', '--no-sample', ...args], surroundings);
  const url = await running.prints(/listens on (\S+)/);
  const admin = await running.prints(/curl -s (\S+)\/ledger/);
  return { ...running, url, admin };
}

export async function order(url: string): Promise<string> {
  const reply = await fetch(url + SAMPLE.path, { method: 'POST', body: JSON.stringify(SAMPLE.body) });
  return startAnswer.parse(await reply.json()).workflowId;
}

export const show = async (url: string, id: string): Promise<WorkflowAnswer> =>
  workflowAnswer.parse(await (await fetch(url + timelinePath(id))).json());

export const completed = (url: string, id: string): Promise<WorkflowAnswer> => reached(url, id, 'completed');

/** The workflow once it has that status. */
export const reached = (url: string, id: string, status: WorkflowStatus): Promise<WorkflowAnswer> =>
  vi.waitFor(
    async () => {
      const shown = await show(url, id);
      expect(shown.status).toBe(status);
      return shown;
    },
    { timeout: PATIENCE_MS, interval: 20 },
  );

export const setFault = async (admin: string, name: string, fault: object): Promise<void> => {
  const reply = await fetch(`${admin}/faults/${name}`, { method: 'PUT', body: JSON.stringify(fault) });
  expect(reply.status).toBe(200);
};

const ledgers = z.record(
  z.string(),
  z.object({ effects: z.array(z.object({ key: z.string(), times: z.number() })) }),
);

/** The effects of every target that had any: `target key times`. */
export async function effects(admin: string): Promise<string[]> {
  const all = ledgers.parse(await (await fetch(`${admin}/ledger`)).json());
  return Object.entries(all).flatMap(([name, ledger]) =>
    ledger.effects.map(({ key, times }) => `${name} ${key} ${times}`),
  );
}

export const onceEach = (id: string): string[] => [
  `payments ${id}:payment:do:0 1`,
  `shipping ${id}:shipment:do:0 1`,
  `mail ${id}:confirmation:do:0 1`,
];
