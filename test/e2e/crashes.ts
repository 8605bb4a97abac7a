import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { timelinePath, type WorkflowStatus } from '../../lib/contract/names.ts';
import { startAnswer, type WorkflowAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import type { Fault } from '../../lib/local/demo/faults.ts';
import { type DemoTargets, startDemoTargets } from '../../lib/local/demo/targets.ts';
import { seeded } from '../soak/random.ts';
import { type ServerProcess, startServer } from '../support/server.ts';
import { ORDER_STEPS } from './fixture-chains.ts';

export const KILLS = 30;
export const ORDERS = 200;
/** Milliseconds: of a call, so that a kill meets orders at every place; and from a start of the server to its kill. */
const LATENCY = 40;
const LIFE = { least: 30, most: 400 };

export interface Killed {
  /** The server, if not that of the shipped chains. */
  readonly entry?: string;
  /** Where orders are sent, and what each is. */
  readonly path: string;
  input(number: number): unknown;
  /** Faults of targets that come before their latency. */
  readonly faults?: Readonly<Record<string, readonly Fault[]>>;
  /** Statuses that a workflow leaves by itself. */
  readonly underWay: readonly WorkflowStatus[];
}

/** An order as it is shown at the end, with its timeline. */
export interface Ended extends WorkflowAnswer {
  /** Which of the orders it is, from 0. */
  readonly number: number;
}

/**
 * Sends orders to a server that is killed again and again, and waits until all have ended. The targets outlive the kills.
 * @param look gets the orders as they are shown at the end, and the targets with their ledgers
 */
export async function killedWhileOrdersRun(
  { entry, path, input, faults = {}, underWay }: Killed,
  look: (orders: readonly Ended[], demo: DemoTargets) => void,
): Promise<void> {
  const lives = seeded(1, 'lives');
  const directory = await mkdtemp(join(tmpdir(), 'stepline-crash-'));
  const demo = await startDemoTargets();
  const begin = (): Promise<ServerProcess> =>
    startServer(
      [
        ...['--port', '0', '--no-sample', '--log-level', 'error'],
        ...['--data', join(directory, 'data'), '--targets', join(directory, 'targets.json')],
      ],
      entry,
    );
  let server: ServerProcess | undefined;
  try {
    await writeFile(join(directory, 'targets.json'), JSON.stringify(demo.targets));
    for (const [, target] of ORDER_STEPS) {
      await demo.setFault(target, [...(faults[target] ?? []), { latencyMs: LATENCY }]);
    }
    server = await begin();
    const orders: Promise<string>[] = [];
    const url = (): string => `${server?.baseUrl}${path}`;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const upTo = Math.ceil((ORDERS * kill) / KILLS);
      while (orders.length < upTo) orders.push(order(orders.length, input(orders.length), url));
      await sleep(lives.between(LIFE.least, LIFE.most));
      expect(await server.end('SIGKILL')).toBe('SIGKILL');
      server = await begin();
    }
    const ids = await Promise.all(orders);
    expect(new Set(ids).size).toBe(ORDERS);
    const ended: Ended[] = [];
    for (const [number, id] of ids.entries()) {
      ended.push({ ...(await endOf(server, id, underWay)), number });
    }
    look(ended, demo);
  } finally {
    await server?.end('SIGTERM');
    await demo.close();
    await rm(directory, { recursive: true });
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends an order until a server takes it: as a client would that gets no answer, with the same key each time. */
async function order(number: number, input: unknown, url: () => string): Promise<string> {
  const headers = { 'idempotency-key': `order ${number}` };
  for (;;) {
    const sent = fetch(url(), { method: 'POST', headers, body: JSON.stringify(input) });
    const reply = await sent.then((answer) => answer.json()).catch(() => undefined);
    const { success, data } = startAnswer.safeParse(reply);
    if (success) return data.workflowId;
    await sleep(20);
  }
}

async function endOf(
  server: ServerProcess,
  id: string,
  underWay: readonly WorkflowStatus[],
): Promise<WorkflowAnswer> {
  for (;;) {
    const reply = await fetch(server.baseUrl + timelinePath(id));
    const shown = workflowAnswer.parse(await reply.json());
    if (!underWay.includes(shown.status)) return shown;
    await sleep(50);
  }
}
