import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded, stopper } from '../../support/guarded.ts';

const GUARD = join(import.meta.dirname, '../../aws/ministack/guard.mjs');
const LOGS = join(import.meta.dirname, '../../../dist/servers');

/** Milliseconds. All of them take less than two seconds on an idle machine. */
const READY_WITHIN = 60_000;
const LOOK_EVERY = 50;

/** A program that listens. */
export interface Server {
  readonly url: string;
  readonly port: number;
  /** A directory of its own, which goes with it. */
  readonly folder: string;
  /** Everything that it has printed so far. */
  log(): string;
  stop(): Promise<void>;
}

/** How a program is started that is to listen at 127.0.0.1 on `port`, and keeps its files in `folder`. */
type Command = (port: number, folder: string) => readonly [command: string, ...args: string[]];

/**
 * Starts a program, and waits until it answers HTTP. It ends with this process, whatever ends that.
 * Errors: says what it printed if it ends, or does not answer in time.
 * @example const mail = await startServer('mailpit', (port) => [goTool('mailpit'), '--listen', `127.0.0.1:${port}`]);
 */
export async function startServer(name: string, commandOf: Command): Promise<Server> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), `stepline-${name}-`));
  mkdirSync(LOGS, { recursive: true });
  const file = join(LOGS, `${name}-${port}.log`);
  const output = openSync(file, 'w');
  const guard = spawn(process.execPath, [GUARD, folder, ...commandOf(port, folder)], {
    // A group of its own: Ctrl-C in a terminal is for the tests, which then end it.
    detached: true,
    stdio: ['pipe', output, output],
  });
  closeSync(output);
  const stop = stopper(guard);
  const log = (): string => readFileSync(file, 'utf8');
  const end = Date.now() + READY_WITHIN;
  while (!(await answers(url))) {
    if (!hasEnded(guard) && Date.now() < end) {
      await sleep(LOOK_EVERY);
      continue;
    }
    await stop();
    throw new Error(`${name} does not start: ${log()}`);
  }
  return { url, port, folder, log, stop };
}

/** A port of the loopback interface that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** Whatever it answers, it is there. */
const answers = async (url: string): Promise<boolean> => {
  try {
    const reply = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) });
    await reply.arrayBuffer();
    return true;
  } catch {
    return false;
  }
};
