import * as z from 'zod';
import { systemRandom } from '../../lib/adapters/system.ts';
import { chain, target } from '../../lib/chain/index.ts';
import type { EngineEvent } from '../../lib/engine/events.ts';
import type { Http, HttpOutcome, HttpRequest, Notification, Ports } from '../../lib/engine/ports.ts';
import { type ManualClock, manualClock, settle } from '../support/manual-clock.ts';
import { storeOnTest, testDatabase } from './store/support.ts';

const api = target('api');
const result = z.object({ id: z.string() });

/** a → b and c at once → d. */
export const DIAMOND = chain('diamond', {
  version: 1,
  start: '/api/diamond',
  input: z.strictObject({ card: z.string() }),
  sensitive: ['card'],
})
  .step('a', { request: ({ input }) => api.post('/a', { card: input.card }), response: result, retries: 2 })
  .step('b', { after: ['a'], request: () => api.post('/b'), response: result })
  .step('c', { after: ['a'], request: () => api.post('/c'), response: result })
  .step('d', { after: ['b', 'c'], request: () => api.post('/d'), response: result })
  .output(({ results }) => ({ id: results.d?.id ?? null }));

/** A target that answers as the test says; by default every call succeeds at once. */
export interface StubHttp extends Http {
  /** Paths called so far, in order. */
  readonly called: string[];
  readonly requests: HttpRequest[];
  /** The next answers of a path, in turn. */
  answer(path: string, ...outcomes: readonly (HttpOutcome | Promise<HttpOutcome>)[]): void;
}

export const reply = (status: number, body: unknown = { id: 'r-1' }): HttpOutcome => ({
  kind: 'reply',
  status,
  body: JSON.stringify(body),
});

export function stubHttp(): StubHttp {
  const answers = new Map<string, (HttpOutcome | Promise<HttpOutcome>)[]>();
  const called: string[] = [];
  const requests: HttpRequest[] = [];
  return {
    called,
    requests,
    answer: (path, ...outcomes) => {
      answers.set(path, [...(answers.get(path) ?? []), ...outcomes]);
    },
    call: async (request) => {
      const { pathname } = new URL(request.url);
      called.push(pathname);
      requests.push(request);
      return (await answers.get(pathname)?.shift()) ?? reply(200, { id: `id of ${pathname}` });
    },
  };
}

/** Everything but the queues that an engine of one process needs, in memory, with a clock that the test moves. */
export async function testPorts() {
  const clock = manualClock();
  const database = await testDatabase();
  const store = await storeOnTest(database);
  const events: EngineEvent[] = [];
  const notifications: Notification[] = [];
  const told: Pick<Ports, 'telemetry' | 'notifier'> = {
    telemetry: { emit: (event) => void events.push(event) },
    notifier: { notify: async (notification) => void notifications.push(notification) },
  };
  return {
    ...told,
    database,
    events,
    notifications,
    clock,
    store,
    http: stubHttp(),
    random: { ...systemRandom, fraction: () => 0 },
    targets: { resolve: async () => ({ baseUrl: 'https://api.test', headers: {} }) },
  };
}

/** Lets everything that needs no time happen. */
export async function comeToRest(clock: ManualClock): Promise<void> {
  for (let times = 0; times < 20; times += 1) {
    await clock.advance(0);
    await settle();
  }
}
