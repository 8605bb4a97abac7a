import { once } from 'node:events';
import { join } from 'node:path';
import { authKinds } from '#auth';
import type { Service } from '../../functions/handlers.ts';
import { routesOf } from '../../functions/routes.ts';
import { createHttpClient } from '../adapters/http/client.ts';
import { proxiesOf } from '../adapters/http/proxy.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import {
  checkEnvironment,
  environmentReader,
  secretsInEnvironment,
} from '../adapters/targets/environment.ts';
import { createTargets } from '../adapters/targets/targets.ts';
import type { ChainDefinition } from '../chain/definition.ts';
import { registry } from '../chain/registry.ts';
import { withBackoffScale } from '../chain/settings.ts';
import { LIMITS } from '../contract/limits.ts';
import { EngineError } from '../engine/errors.ts';
import type { Telemetry } from '../engine/ports.ts';
import { callersIn, keyIn } from './callers.ts';
import type { FindCaller } from './demo/answers.ts';
import { type DemoTargets, startDemoTargets } from './demo/targets.ts';
import { type LocalEngine, startLocalEngine } from './engine.ts';
import { createFront } from './http-front.ts';
import { OptionError, type Options } from './options.ts';
import { type Rounds, startRounds } from './rounds.ts';
import { type EmbeddedStore, openEmbeddedStore } from './store/store.ts';
import { secretsReadBy, settleTargets } from './targets.ts';
import { logNotifier, logTelemetry } from './telemetry.ts';
import { createWakingWatch } from './watch.ts';

export interface LocalProcess {
  readonly baseUrl: string;
  readonly routes: readonly string[];
  readonly demo: DemoTargets | undefined;
  readonly engine: LocalEngine;
  /** Resolves with the cause when the store has failed: nothing can go on then. */
  readonly broken: Promise<unknown>;
  /** What the user should know of the data directory, and of proxies. */
  readonly notes: readonly string[];
  /** Lets running calls end, saves, and closes everything. */
  stop(): Promise<void>;
}

/** Where lines go: what the program says, and the log. */
export interface Output {
  readonly readable: boolean;
  say(line: string): void;
}

const HOST = '127.0.0.1';

/**
 * Takes the port, then starts store, targets and engine; what was begun is undone should a later part fail.
 * Errors: `OptionError` and `EngineError` with a message for the user.
 */
export async function startLocal(
  chains: readonly ChainDefinition[],
  options: Options,
  output: Output,
): Promise<LocalProcess> {
  const proxies = proxiesOf(process.env);
  const undo: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    const problems: unknown[] = [];
    // One part that cannot be closed must not keep the others open.
    for (const step of undo.splice(0).reverse()) await step().catch((error) => problems.push(error));
    if (problems.length > 0) throw problems[0];
  };
  // The port comes first: of two processes that are started alike, the second hears that the port is taken.
  const front = await listen(options);
  undo.push(front.close);
  try {
    const store = await openEmbeddedStore(
      options.data === undefined
        ? { kind: 'memory' }
        : { kind: 'disk', directory: options.data, acceptLoss: options.acceptLoss },
    );
    undo.push(() => store.close());
    const { settings, demo: pretended } = await settleTargets(chains, options);
    const demo =
      pretended.length === 0
        ? undefined
        : await startDemo(pretended, callersIn(registry(chains), store), options);
    if (demo !== undefined) undo.push(() => demo.close());
    checkEnvironment(settings, process.env);
    const http = createHttpClient({ proxies });
    undo.push(async () => http.close());
    const log = { readable: output.readable, now: systemClock.now, write: output.say };
    const telemetry = logTelemetry({ ...log, level: options.logLevel });
    const engine = await startLocalEngine({
      chains: withBackoffScale(chains, options.backoffScale),
      store,
      leftover: store,
      attempts: store.attempts,
      http,
      targets: createTargets({
        settings: { ...settings, ...demo?.targets },
        secrets: secretsInEnvironment(secretsReadBy(chains)),
        reader: environmentReader(process.env),
        ...{ authKinds, http, clock: systemClock, env: process.env },
        remedy: remedy(options),
      }),
      telemetry,
      notifier: logNotifier(log),
      clock: systemClock,
      random: systemRandom,
    });
    undo.push(() => engine.stop());
    undo.push(startPurges(store, telemetry).stop);
    // When all is well the front closes first, so that nobody hears of a part that is closed already.
    undo.push(front.close);
    const watch = createWakingWatch(store, systemClock);
    undo.push(async () => watch.end());
    front.open({ ...engine.service, watch });
    const routes = routesOf(engine.service.chains).map(({ method, path }) => `${method} ${path}`);
    const { broken } = store;
    const notes = [...store.notes, ...(proxies?.notes ?? [])];
    return { baseUrl: `http://${HOST}:${front.port}`, routes, demo, engine, broken, notes, stop };
  } catch (error) {
    // What goes wrong on the way back is a consequence of this.
    await stop().catch(() => undefined);
    throw error;
  }
}

/** What was erased leaves the disk some time later. */
const startPurges = (store: EmbeddedStore, telemetry: Telemetry): Rounds =>
  startRounds({
    clock: systemClock,
    telemetry,
    ms: LIMITS.purgeInterval * 1_000,
    where: 'purge',
    run: () => store.purge(),
  });

/** The demo targets keep their ledger beside the workflows: nothing is charged twice over a restart. */
const startDemo = (
  names: readonly string[],
  findCaller: FindCaller,
  { data, port }: Options,
): Promise<DemoTargets> =>
  startDemoTargets({
    names,
    findCaller,
    keyIn,
    ports: port === 0 ? 'ephemeral' : { first: port + 1 },
    ...(data === undefined ? {} : { ledgerFile: join(data, 'demo-ledger.jsonl') }),
  });

/** What to do where a step calls a target that its definition does not show: nobody could say at the start that it is missing. */
const remedy =
  ({ targets: file }: Options) =>
  (what: 'target' | 'secret', name: string): string => {
    if (what === 'secret') return `Write secrets: ['${name}'] in the step, and start again.`;
    return file === undefined
      ? `Write targets: ['${name}'] in the step, so that a demo target stands in for it, and start again.`
      : `Add "${name}" with its baseUrl to ${file}, and start again.`;
  };

interface Front {
  readonly port: number;
  /** Answers requests; those that came before have waited. */
  open(service: Service): void;
  /** Takes no more requests; resolves when those under way are answered. Closes once, however often it is called. */
  close(): Promise<void>;
}

/** How often a closing front looks whether all is answered, in milliseconds. */
const CLOSE_CHECK_MS = 50;
/** How long it waits for clients that send their requests slowly, in milliseconds: answering takes no time. */
const CLOSE_PATIENCE_MS = 2_000;

async function listen({ port, allowedOrigins }: Options): Promise<Front> {
  let open: ((service: Service) => void) | undefined;
  const server = createFront(
    new Promise<Service>((resolve) => {
      open = resolve;
    }),
    allowedOrigins,
  );
  let underWay = 0;
  server.on('request', (_, response) => {
    underWay += 1;
    response.once('close', () => {
      underWay -= 1;
    });
  });
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (taken) throw new OptionError(`port ${port} is taken; choose another with --port`);
    throw new EngineError('CONFIGURATION', `cannot listen on port ${port}`, { cause: error });
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    open: (service) => {
      open?.(service);
      open = undefined;
    },
    close: async () => {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      // A front that was never opened has nothing to answer to those that wait.
      const end = Date.now() + (open === undefined ? CLOSE_PATIENCE_MS : 0);
      // Node takes a connection for idle only once it was asked something: one that is silent would keep the process.
      const check = (): void => {
        if (underWay === 0 || Date.now() >= end) server.closeAllConnections();
      };
      check();
      const checks = setInterval(check, CLOSE_CHECK_MS);
      await closed;
      clearInterval(checks);
    },
  };
}
