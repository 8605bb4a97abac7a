import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { get as getWithoutTls } from 'node:http';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hasEnded, stopper } from '../../support/guarded.ts';
import { TLS_CERTIFICATE, TLS_KEY } from '../../support/tls-fixture.ts';
import { PYTHON } from './python.ts';

export const LOGS = join(import.meta.dirname, '../../../dist/ministack');
const GUARD = join(import.meta.dirname, 'guard.mjs');

/** The account that everything on MiniStack belongs to. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

/** Milliseconds. It takes less than one second on an idle machine. */
const HEALTHY_WITHIN = 60_000;
const LOOK_EVERY = 50;

export interface MiniStackOptions {
  /**
   * Holds every request to the IAM policies of who signed it, and speaks TLS, without which ours refuse everybody. The
   * credentials in `env` are root's: no policy of a role or user binds them.
   */
  readonly auth?: boolean;
}

/** An AWS of one's own, empty at the start. */
export interface MiniStack {
  readonly endpoint: string;
  readonly port: number;
  /** What the CDK CLI and SDK clients find it by, to be put over `process.env`. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that it has printed so far. */
  log(): string;
  /** Ends it with every function that it runs, and removes all that it wrote but its log. */
  stop(): Promise<void>;
}

/**
 * Starts MiniStack on a free port of the loopback interface. It ends with this process, whatever ends that.
 * Errors: says what it printed if it ends or is not healthy in time.
 * @example const aws = await startMiniStack(); new SQSClient({ endpoint: aws.endpoint, region: REGION }); await aws.stop();
 */
export async function startMiniStack({ auth = false }: MiniStackOptions = {}): Promise<MiniStack> {
  const port = await freePort();
  const endpoint = `${auth ? 'https' : 'http'}://127.0.0.1:${port}`;
  const file = join(LOGS, `${port}.log`);
  mkdirSync(LOGS, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'stepline-ministack-'));
  if (auth) writeCertificate(folder);
  const output = openSync(file, 'w');
  const guard = spawn(process.execPath, [GUARD, folder, PYTHON, '-m', 'ministack'], {
    // A group of its own: Ctrl-C in a terminal is for the tests, which then end it.
    detached: true,
    env: environment(port, folder, auth),
    stdio: ['pipe', output, output],
  });
  closeSync(output);
  const stop = stopper(guard);
  const log = (): string => readFileSync(file, 'utf8');
  try {
    await healthy(endpoint, guard);
  } catch (error) {
    await stop();
    throw new Error(`MiniStack does not start: ${log()}`, { cause: error });
  }
  const env = {
    ...clientEnvironment(endpoint),
    // The second for the CDK CLI, which has an agent of its own.
    ...(auth ? { NODE_EXTRA_CA_CERTS: certificateIn(folder), AWS_CA_BUNDLE: certificateIn(folder) } : {}),
  };
  return { endpoint, port, env, log, stop };
}

const certificateIn = (folder: string): string => join(folder, 'certificate.pem');
const keyIn = (folder: string): string => join(folder, 'key.pem');

function writeCertificate(folder: string): void {
  writeFileSync(certificateIn(folder), TLS_CERTIFICATE);
  writeFileSync(keyIn(folder), TLS_KEY, { mode: 0o600 });
}

/** What MiniStack sees, and with it every function that it runs: nothing of this machine's but where Node is. */
const environment = (port: number, folder: string, auth: boolean): NodeJS.ProcessEnv => ({
  // Functions run on the same Node as the tests.
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  LANG: 'C.UTF-8',
  GATEWAY_PORT: String(port),
  BIND_HOST: '127.0.0.1',
  AUTH: String(auth),
  ...(auth
    ? { USE_SSL: '1', MINISTACK_SSL_CERT: certificateIn(folder), MINISTACK_SSL_KEY: keyIn(folder) }
    : {}),
  // All that it writes: code of functions, its pid file, buckets.
  HOME: folder,
  TMPDIR: folder,
  S3_DATA_DIR: join(folder, 's3'),
  STATE_DIR: join(folder, 'state'),
  // With cryptography at hand it would listen on fixed ports, so that there could be only one.
  IOT_MTLS_ENABLED: '0',
  SFTP_ENABLED: '0',
  // It would remove containers of another MiniStack, and run functions in containers.
  DOCKER_HOST: `unix://${join(folder, 'no-docker.sock')}`,
});

const clientEnvironment = (endpoint: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  // A token that stands for somebody else in the developer's own environment.
  AWS_SESSION_TOKEN: '',
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  server.close();
  await once(server, 'close');
  return address.port;
}

async function healthy(endpoint: string, guard: ChildProcess): Promise<void> {
  const end = Date.now() + HEALTHY_WITHIN;
  while (!hasEnded(guard) && Date.now() < end) {
    if (await answers(`${endpoint}/_ministack/health`)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
  throw new Error(hasEnded(guard) ? 'it has ended' : `not healthy after ${HEALTHY_WITHIN} ms`);
}

/** Whether somebody answers with 200. Whose certificate it is does not matter here. */
const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = url.startsWith('https:') ? get(url, { rejectUnauthorized: false }) : getWithoutTls(url);
    request.once('error', () => resolve(false));
    request.once('response', (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    });
  });
