import * as z from 'zod';
import { createHttpClient } from '../../lib/adapters/http/client.ts';
import { systemClock, systemRandom } from '../../lib/adapters/system.ts';
import { authKinds } from '../../lib/adapters/targets/auth/all.ts';
import { environmentReader } from '../../lib/adapters/targets/environment.ts';
import { parseTargets } from '../../lib/adapters/targets/settings.ts';
import { createTargets } from '../../lib/adapters/targets/targets.ts';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { emptyChain, finished, withStep } from '../../lib/chain/validate.ts';
import type { EngineEvent } from '../../lib/engine/events.ts';
import { start } from '../../lib/engine/operations/start.ts';
import type { Notification } from '../../lib/engine/ports.ts';
import type { StepRecord } from '../../lib/engine/state.ts';
import { startLocalEngine } from '../../lib/local/engine.ts';
import { openEmbeddedStore } from '../../lib/local/store/store.ts';
import { startControl } from './control.ts';

export const CARD = '4242424242424242';
export const SECRET = 's3cret-of-the-target';
const TENANT = 'acme';
/** What an attempt waits for when nobody asks for another time: three quarters of the backoff’s 40 s, as chance is a half. */
export const BACKOFF_MS = 30_000;
/** Seconds; long, for what must not end by its deadline. */
const TIMEOUT = 5;

export interface Surroundings {
  /** Base URLs of the targets. */
  readonly urls: readonly string[];
  /** What the step is besides; its `timeout` is in seconds. */
  readonly step?: { readonly timeout?: number; readonly retries?: number; readonly response?: z.ZodType };
  /** A certificate authority to trust. */
  readonly ca?: string;
  /** Sent beside the card. */
  readonly padding?: string;
  /** How each target is signed in to, in the place of the header `authorization`; its secret is in the variable `SECRET`. */
  readonly auth?: object;
  /** The sensitive field of the workflow's input. */
  readonly card?: unknown;
}

/** How one attempt ended: its step's item as the store has it, and what it took. */
export interface Ended {
  readonly record: StepRecord;
  readonly deadlineMs: number;
  readonly tookMs: number;
  /** How late a bare timer was that was started beside the attempt with the same deadline. */
  readonly lateMs: number;
}

/** The engine that runs behind `npm start`, over real sockets and the machine's own clock. */
export interface HostileEngine {
  /** Starts a workflow whose step calls the target of that number; resolves once that attempt (1 is the first) has ended. */
  call(target?: number, attempt?: number): Promise<Ended>;
  /** Resolves once on-call was told of a failed workflow. */
  told(): Promise<Notification>;
  readonly events: readonly EngineEvent[];
  close(): Promise<void>;
}

/** One attempt that is under way. */
interface Watch {
  begun(): void;
  ended(): void;
  readonly end: Promise<Pick<Ended, 'tookMs' | 'lateMs'>>;
}

export async function openHostileEngine(surroundings: Surroundings): Promise<HostileEngine> {
  const { urls, step = {}, ca, auth, card = CARD } = surroundings;
  const deadlineMs = (step.timeout ?? TIMEOUT) * 1_000;
  const chain = chainOf(surroundings);
  const signedIn = auth === undefined ? { headers: { authorization: 'env:AUTHORIZATION' } } : { auth };
  const http = createHttpClient(ca === undefined ? {} : { ca });
  const store = await openEmbeddedStore({ kind: 'memory' });
  const control = startControl();
  const events: EngineEvent[] = [];
  const watches = new Map<string, Watch>();
  const watchOf = (workflowId: string, attempt: number): Watch => {
    const name = `${workflowId} ${attempt}`;
    const watch = watches.get(name) ?? newWatch(deadlineMs, control.lateness);
    watches.set(name, watch);
    return watch;
  };
  let tell = (_: Notification): void => undefined;
  const told = new Promise<Notification>((resolve) => {
    tell = resolve;
  });
  const engine = await startLocalEngine({
    chains: [chain],
    store,
    http,
    clock: systemClock,
    random: { ...systemRandom, fraction: () => 0.5 },
    targets: createTargets({
      settings: parseTargets(
        Object.fromEntries(urls.map((baseUrl, at) => [nameOf(at), { baseUrl, ...signedIn }])),
        { AUTHORIZATION: `Bearer ${SECRET}` },
      ),
      ...{ secrets: {}, authKinds, http, clock: systemClock, env: {} },
      reader: environmentReader({ SECRET }),
      remedy: (what, name) => `Add the ${what} "${name}".`,
    }),
    telemetry: {
      emit: (event) => {
        events.push(event);
        if (event.event === 'attempt_started') watchOf(event.workflowId, event.attempt).begun();
        if (
          event.event === 'step_completed' ||
          event.event === 'step_retrying' ||
          event.event === 'step_failed'
        )
          watchOf(event.workflowId, event.attempt).ended();
      },
    },
    notifier: { notify: async (notification) => tell(notification) },
  });
  return {
    events,
    told: () => told,
    call: async (target = 0, attempt = 1) => {
      const payload = { target: nameOf(target), card };
      const { workflowId } = await start(engine.service, chain, { tenant: TENANT, payload });
      const took = await watchOf(workflowId, attempt).end;
      const state = await store.load({ tenant: TENANT, workflowId });
      const record = state?.steps.get('call');
      if (record === undefined) throw new Error('the step has no item');
      return { record, deadlineMs, ...took };
    },
    close: async () => {
      await engine.stop();
      http.close();
      await store.close();
      await control.close();
    },
  };
}

const nameOf = (target: number): string => `api-${target}`;

function chainOf({ urls, step, padding }: Surroundings): ChainDefinition {
  const empty = emptyChain('hostile', {
    version: 1,
    start: '/api/hostile',
    input: z.strictObject({ target: z.string(), card: z.unknown() }),
    sensitive: ['card'],
  });
  return finished(
    withStep(empty, 'call', {
      request: ({ input }: { input: { target: string; card: unknown } }) => ({
        target: input.target,
        method: 'POST',
        path: '/charges',
        body: { card: input.card, ...(padding === undefined ? {} : { padding }) },
      }),
      targets: urls.map((_, at) => nameOf(at)),
      response: z.object({ orderId: z.string() }),
      retries: 1,
      timeout: TIMEOUT,
      backoff: { base: 40, cap: 40 },
      ...step,
    }),
  );
}

function newWatch(deadlineMs: number, lateness: (ms: number) => Promise<number>): Watch {
  let begunAt = 0;
  let late = Promise.resolve(0);
  let resolve = (_: Pick<Ended, 'tookMs' | 'lateMs'>): void => undefined;
  const end = new Promise<Pick<Ended, 'tookMs' | 'lateMs'>>((settle) => {
    resolve = settle;
  });
  return {
    end,
    begun: () => {
      late = lateness(deadlineMs);
      begunAt = performance.now();
    },
    ended: () => {
      const tookMs = performance.now() - begunAt;
      // Whoever ended before its deadline need not wait for the control.
      if (tookMs <= deadlineMs) resolve({ tookMs, lateMs: 0 });
      else void late.then((lateMs) => resolve({ tookMs, lateMs }));
    },
  };
}
