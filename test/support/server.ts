import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { TEST_SERVER } from './build.ts';

/** A server that was started, and may not listen yet. */
export interface SpawnedServer {
  readonly pid: number;
  /** The address where it listens. Errors: says what the process printed if it ends before. */
  readonly listening: Promise<string>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** Everything that it has printed so far. */
  printed(): string;
  /** Ends it with a signal; resolves with its exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** The server as a user starts it, in a process of its own. */
export interface ServerProcess extends Omit<SpawnedServer, 'listening'> {
  readonly baseUrl: string;
}

/**
 * @param detached whether Ctrl-C at the terminal leaves it alone
 * @param entry the server, if not that of the shipped chains
 */
export function spawnServer(
  args: readonly string[],
  { detached = false, entry = TEST_SERVER } = {},
): SpawnedServer {
  // As npm start does.
  const flags = ['--enable-source-maps', '--max-semi-space-size=8'];
  const child = spawn(process.execPath, [...flags, entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const listens = listening(child, () => text);
  // Whoever does not ask where it listens need not hear that it never did.
  listens.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    listening: listens,
    ended,
    printed: () => text,
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return await ended;
    },
  };
}

/** Errors: says what the process printed if it ends before it listens. */
export async function startServer(args: readonly string[], entry = TEST_SERVER): Promise<ServerProcess> {
  const { listening, ...server } = spawnServer(args, { entry });
  return { ...server, baseUrl: await listening };
}

function listening(child: ChildProcess, printed: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', () => {
      const url = /listens on (\S+)/.exec(printed())?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${printed()}`)));
  });
}
