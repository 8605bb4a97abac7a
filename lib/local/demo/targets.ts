import type { TargetSettings } from '../../adapters/targets/settings.ts';
import { CALL_HEADERS } from '../../contract/names.ts';
import { adminHandler } from './admin.ts';
import type { FindCaller, KeyIn } from './answers.ts';
import { DEMO_TARGETS } from './catalogue.ts';
import { type Fault, parseFaults } from './faults.ts';
import { type Listener, openSomewhere, urlOf } from './http.ts';
import { Ledger, type LedgerView, openLedgerFile } from './ledger.ts';
import { DemoServer } from './server.ts';

export interface DemoOptions {
  /** Their names. Default: those of the catalogue. */
  readonly names?: readonly string[];
  /** Default: no call comes from a step, so that the catalogue alone answers. */
  readonly findCaller?: FindCaller;
  /** Default: what the header `idempotency-key` has. */
  readonly keyIn?: KeyIn;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** `first` is the admin's port, the targets take those after it; a port that is taken, or that there is not, is replaced by a free one. */
  readonly ports?: 'ephemeral' | { readonly first: number };
  /** JSON lines; read at start, so that a restart still honours old keys. Without it the ledger is in memory. */
  readonly ledgerFile?: string;
}

/** The demo targets while they run. Methods that take a name throw an `Error` that lists the targets there are. */
export interface DemoTargets {
  /** Where they are, as the settings of targets say it. */
  readonly targets: TargetSettings;
  /** `GET /` there says what can be asked. */
  readonly admin: { readonly url: string; readonly port: number };
  server(name: string): { readonly url: string; readonly port: number };
  ledger(name: string): LedgerView;
  /** Replaces the faults of a target; of several, each call takes the first that matches and is not used up. */
  setFault(name: string, fault: Fault | readonly Fault[]): Promise<void>;
  /** Switches the faults of one target off, or of all. */
  heal(name?: string): Promise<void>;
  /** Ends every connection, the hanging ones too. */
  close(): Promise<void>;
}

const plainKey: KeyIn = ({ [CALL_HEADERS.idempotencyKey]: key }) =>
  typeof key === 'string' && key !== '' ? key : null;

const LAST_PORT = 65_535;

/**
 * Starts a real HTTP server for each target, and one more to administer them.
 * Errors: those of listening and of a ledger file that cannot be read; then nothing is left running.
 * @example
 * const demo = await startDemoTargets();
 * await demo.setFault('payments', { status: 503, retryAfter: '2', times: 1 });
 * await demo.close();
 */
export async function startDemoTargets(options: DemoOptions = {}): Promise<DemoTargets> {
  const { host = '127.0.0.1', ports = 'ephemeral', ledgerFile } = options;
  const { names = Object.keys(DEMO_TARGETS), findCaller = async () => undefined, keyIn = plainKey } = options;
  const file = ledgerFile === undefined ? undefined : openLedgerFile(ledgerFile);
  const servers = names.map(
    (name) => new DemoServer({ name, findCaller, keyIn, host, ledger: new Ledger(name, file) }),
  );
  const portAt = (index: number): number => {
    const port = ports === 'ephemeral' ? 0 : ports.first + index;
    return port > LAST_PORT ? 0 : port;
  };
  let admin: Listener | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([admin?.close(), ...servers.map((server) => server.close())]);
  };
  try {
    admin = await openSomewhere(adminHandler(servers), host, portAt(0));
    for (const [index, server] of servers.entries()) await server.start(portAt(index + 1));
  } catch (error) {
    await close();
    throw error;
  }
  return running(servers, { url: urlOf(host, admin.port), port: admin.port }, close);
}

function running(
  servers: readonly DemoServer[],
  admin: DemoTargets['admin'],
  close: () => Promise<void>,
): DemoTargets {
  const named = (name: string): DemoServer => {
    const found = servers.find((server) => server.name === name);
    if (found !== undefined) return found;
    throw new Error(`no demo target "${name}"; there are ${servers.map((one) => one.name).join(', ')}`);
  };
  return {
    admin,
    targets: Object.fromEntries(servers.map(({ name, url }) => [name, { baseUrl: url, headers: {} }])),
    server: (name) => ({ url: named(name).url, port: named(name).port }),
    ledger: (name) => named(name).ledger.view(),
    setFault: async (name, fault) => await named(name).setFaults(parseFaults(fault)),
    async heal(name) {
      for (const server of name === undefined ? servers : [named(name)]) await server.setFaults([]);
    },
    close,
  };
}
