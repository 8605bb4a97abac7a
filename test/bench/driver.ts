import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import * as z from 'zod';
import { workflowPath } from '../../lib/contract/names.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import type { Usage } from './usage.ts';

/** The instant target, in a process of its own. */
export interface Target {
  readonly baseUrl: string;
  /** Resolves once the confirmation of this workflow has been answered. */
  confirmed(workflowId: string): Promise<void>;
  stop(): Promise<void>;
}

/** A server under measurement, in a process of its own. */
export interface Measured {
  readonly baseUrl: string;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

/** Milliseconds: of the start's answer, and from the start to the completion that a client sees. */
export interface OrderTimes {
  readonly start: number;
  readonly completion: number;
}

export async function startTarget(script: string): Promise<Target> {
  const child = fork(script);
  const [{ port }] = z.tuple([z.object({ port: z.int() })]).parse((await once(child, 'message')).slice(0, 1));
  const arrived = new Set<string>();
  const waiting = new Map<string, () => void>();
  child.on('message', (message) => {
    const { confirmed } = z.object({ confirmed: z.string() }).parse(message);
    const wake = waiting.get(confirmed);
    if (wake === undefined) arrived.add(confirmed);
    else {
      waiting.delete(confirmed);
      wake();
    }
  });
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    confirmed: async (workflowId) => {
      if (arrived.delete(workflowId)) return;
      await new Promise<void>((resolve) => {
        waiting.set(workflowId, resolve);
      });
    },
    stop: () => stop(child),
  };
}

/** Starts `script` and waits for the line that says where it listens. */
export async function startMeasured(
  script: string,
  args: readonly string[],
  preload: string,
): Promise<Measured> {
  const child = fork(script, [...args], {
    // As npm start does.
    execArgv: ['--enable-source-maps', '--max-semi-space-size=8', '--import', preload],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const baseUrl = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const found = /listens on (\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}: ${text}`)));
  });
  return {
    baseUrl,
    usage: async () => {
      const answer = once(child, 'message');
      child.send('usage');
      const [message] = await answer;
      return z.object({ usage: z.object({ cpuMs: z.number(), peakBytes: z.number() }) }).parse(message).usage;
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

const agent = new Agent({ keepAlive: true });
const ORDER = JSON.stringify(SAMPLE.body);
const shown = z.looseObject({ workflowId: z.string(), status: z.string() });

function fetchJson(method: 'GET' | 'POST', url: string): Promise<z.infer<typeof shown>> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () => resolve(shown.parse(JSON.parse(text))));
    });
    outgoing.end(method === 'POST' ? ORDER : undefined);
  });
}

/** One order, from its start to the answer that shows it completed. */
async function order(server: Measured, target: Target): Promise<OrderTimes> {
  const begun = performance.now();
  const { workflowId } = await fetchJson('POST', server.baseUrl + SAMPLE.path);
  const start = performance.now() - begun;
  await target.confirmed(workflowId);
  const url = server.baseUrl + workflowPath(workflowId);
  for (;;) {
    const { status } = await fetchJson('GET', url);
    if (status === 'completed') return { start, completion: performance.now() - begun };
    if (status !== 'processing') throw new Error(`${url} is ${status}`);
    await setImmediate();
  }
}

export interface Load {
  readonly orders: number;
  readonly concurrency: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds, in ascending order. */
  readonly start: readonly number[];
  readonly completion: readonly number[];
  readonly cpuMsPerOrder: number;
}

/** Runs so many orders, so many at a time. */
export async function drive(server: Measured, target: Target, load: Load): Promise<LoadResult> {
  const times: OrderTimes[] = [];
  let left = load.orders;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      times.push(await order(server, target));
    }
  };
  const before = await server.usage();
  const begun = performance.now();
  await Promise.all(Array.from({ length: load.concurrency }, client));
  const seconds = (performance.now() - begun) / 1_000;
  const after = await server.usage();
  const ascending = (of: (time: OrderTimes) => number): number[] => times.map(of).sort((a, b) => a - b);
  return {
    perSecond: load.orders / seconds,
    start: ascending(({ start }) => start),
    completion: ascending(({ completion }) => completion),
    cpuMsPerOrder: (after.cpuMs - before.cpuMs) / load.orders,
  };
}
