import { appendFile } from 'node:fs/promises';
import { type SpawnedServer, spawnServer } from '../support/server.ts';
import { pause } from './loop.ts';
import { type Random, seeded } from './random.ts';

/** How the lives of the server ended. */
export interface Deaths {
  kills: number;
  /** Of the kills, those of a server that did not listen yet. */
  whileRecovering: number;
  /** SIGTERMs after which it ended in time and well. */
  stops: number;
  /** SIGTERMs after which it was killed, since calls were under way. */
  impatient: number;
}

/** The server over all its lives: one directory, and another address each time. */
export class Lives {
  readonly deaths: Deaths = { kills: 0, whileRecovering: 0, stops: 0, impatient: 0 };
  /** What no death of ours explains, in words. */
  readonly problems: string[] = [];
  private readonly args: readonly string[];
  private readonly logFile: string;
  private server: SpawnedServer | undefined;
  private address: string | undefined;
  private arrivals: ((address: string) => void)[] = [];

  constructor(args: readonly string[], logFile: string) {
    this.args = args;
    this.logFile = logFile;
  }

  /** Its address now; undefined while it is down. */
  get baseUrl(): string | undefined {
    return this.address;
  }

  /** Its address, as soon as it listens. */
  async up(): Promise<string> {
    return this.address ?? (await new Promise((resolve) => this.arrivals.push(resolve)));
  }

  /** Its process; undefined between two lives. */
  get pid(): number | undefined {
    return this.server?.pid;
  }

  /** Starts it, ends it, and starts it again until `signal` says that it is over; then it lives. */
  async cycle(seed: number, longest: number, signal: AbortSignal): Promise<void> {
    const random = seeded(seed, 'kills');
    while (!signal.aborted) {
      if (random.chance(RECOVERY_KILLS)) await this.killEarly(random);
      await this.begin();
      const byItself = await Promise.race([pause(lifetime(random, longest), signal), this.server?.ended]);
      if (signal.aborted && byItself === undefined) return;
      if (byItself === undefined && random.chance(SIGTERMS))
        await this.stop(Math.min(random.between(PATIENCE_MS.least, PATIENCE_MS.most), longest));
      else await this.kill();
    }
    if (this.server === undefined) await this.begin();
  }

  /** Starts it; resolves once it listens. Errors: it ended by itself before, or takes far too long. */
  async begin(): Promise<void> {
    const server = this.spawn();
    const patience = new AbortController();
    const tooLong = pause(START_MOST_MS, patience.signal);
    const address = await Promise.race([server.listening, tooLong]).finally(() => patience.abort());
    if (address === undefined) {
      throw new Error(`the server does not listen after ${START_MOST_MS} ms: ${server.printed()}`);
    }
    this.address = address;
    for (const arrive of this.arrivals.splice(0)) arrive(this.address);
  }

  async kill(): Promise<void> {
    // Before the signal: whoever gets no answer from now on knows why.
    this.address = undefined;
    const { server } = this;
    if (server === undefined) return;
    const end = await server.end('SIGKILL');
    if (end === 'SIGKILL') this.deaths.kills += 1;
    else this.problems.push(`the server ended by itself with ${end}`);
    await this.bury(server);
  }

  /** Tells it to end, and kills it should it take longer than that. */
  async stop(patienceMs: number): Promise<void> {
    this.address = undefined;
    const { server } = this;
    if (server === undefined) return;
    const patience = new AbortController();
    const end = await Promise.race([server.end('SIGTERM'), pause(patienceMs, patience.signal)]);
    patience.abort();
    if (end === undefined) {
      await server.end('SIGKILL');
      this.deaths.impatient += 1;
    } else if (end === 0) this.deaths.stops += 1;
    else this.problems.push(`the server that was told to end ended with ${end}`);
    await this.bury(server);
  }

  private spawn(): SpawnedServer {
    this.server = spawnServer(this.args, { detached: true });
    return this.server;
  }

  /** Kills it as it starts, which is when it puts back what an earlier life left. */
  private async killEarly(random: Random): Promise<void> {
    const server = this.spawn();
    const listening = server.listening.then(
      () => true,
      () => false,
    );
    await pause(random.between(RECOVERY_MS.least, RECOVERY_MS.most));
    const heard = await Promise.race([listening, pause(0).then(() => false)]);
    await this.kill();
    if (!heard) this.deaths.whileRecovering += 1;
  }

  private async bury(server: SpawnedServer): Promise<void> {
    this.server = undefined;
    await appendFile(this.logFile, server.printed());
  }
}

/** Shares: of starts that are killed early, and of ends by SIGTERM. */
const RECOVERY_KILLS = 0.25;
const SIGTERMS = 0.15;
/** Milliseconds. */
const RECOVERY_MS = { least: 50, most: 700 };
const PATIENCE_MS = { least: 500, most: 8_000 };
const START_MOST_MS = 60_000;
const SHORT_MS = { least: 100, most: 4_000 };
/** Long enough that a call meets its deadline. */
const LONG_MS = { least: 17_000, most: 45_000 };
const LONG_LIVES = 0.15;

/** Milliseconds from listening to the end, at most `longest`. */
function lifetime(random: Random, longest: number): number {
  const { least, most } = random.chance(LONG_LIVES) ? LONG_MS : SHORT_MS;
  return Math.min(random.between(least, most), longest);
}
