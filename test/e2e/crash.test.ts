import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workflowPath } from '../../lib/contract/names.ts';
import { startAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { type DemoTargets, startDemoTargets } from '../../lib/local/demo/targets.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import { seeded } from '../soak/random.ts';
import { type ServerProcess, startServer } from '../support/server.ts';
import { ORDER_STEPS } from './fixture-chains.ts';

const KILLS = 30;
const ORDERS = 200;
/** Milliseconds: of a call, so that a kill meets orders at every place; and from a start of the server to its kill. */
const LATENCY = 40;
const LIFE = { least: 30, most: 400 };
const lives = seeded(1, 'lives');

let directory: string;
let demo: DemoTargets;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stepline-crash-'));
  demo = await startDemoTargets();
  await writeFile(join(directory, 'targets.json'), JSON.stringify(demo.targets));
  for (const [, target] of ORDER_STEPS) await demo.setFault(target, { latencyMs: LATENCY });
});
afterAll(async () => {
  await demo.close();
  await rm(directory, { recursive: true });
});

const begin = (): Promise<ServerProcess> =>
  startServer([
    ...['--port', '0', '--no-sample', '--log-level', 'error'],
    ...['--data', join(directory, 'data'), '--targets', join(directory, 'targets.json')],
  ]);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends an order until a server takes it: as a client would that gets no answer, with the same key each time. */
async function order(number: number, url: () => string): Promise<string> {
  const headers = { 'idempotency-key': `order ${number}` };
  for (;;) {
    const sent = fetch(url() + SAMPLE.path, { method: 'POST', headers, body: JSON.stringify(SAMPLE.body) });
    const reply = await sent.then((answer) => answer.json()).catch(() => undefined);
    const { success, data } = startAnswer.safeParse(reply);
    if (success) return data.workflowId;
    await sleep(20);
  }
}

it(`killed ${KILLS} times while ${ORDERS} orders run, the server ends every order, each effect once`, async () => {
  let server = await begin();
  const orders: Promise<string>[] = [];
  const submit = (upTo: number): void => {
    while (orders.length < upTo) orders.push(order(orders.length, () => server.baseUrl));
  };
  try {
    for (let kill = 1; kill <= KILLS; kill += 1) {
      submit(Math.ceil((ORDERS * kill) / KILLS));
      await sleep(lives.between(LIFE.least, LIFE.most));
      expect(await server.end('SIGKILL')).toBe('SIGKILL');
      server = await begin();
    }
    const ids = await Promise.all(orders);
    expect(new Set(ids).size).toBe(ORDERS);
    for (const id of ids) await completed(server, id);
    for (const [step, target] of ORDER_STEPS) {
      const effects = demo.ledger(target).effects.map(({ key, times }) => [key, times] as const);
      const once = ids.map((id) => [`${id}:${step}:do:0`, 1] as const);
      expect([...effects].sort(), target).toEqual([...once].sort());
    }
  } finally {
    await server.end('SIGTERM');
  }
}, 180_000);

async function completed(server: ServerProcess, id: string): Promise<void> {
  for (;;) {
    const reply = await fetch(server.baseUrl + workflowPath(id));
    const { status, error } = workflowAnswer.parse(await reply.json());
    if (status === 'completed') return;
    if (status !== 'processing') throw new Error(`${id} is ${status}: ${JSON.stringify(error)}`);
    await sleep(50);
  }
}
