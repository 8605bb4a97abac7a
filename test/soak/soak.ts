import { setMaxListeners } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowAnswer } from '../../lib/contract/wire.ts';
import { startDemoTargets } from '../../lib/local/demo/targets.ts';
import { Book } from './book.ts';
import { Client } from './client.ts';
import { type Accepted, type Comparison, compare, type LedgerEntry } from './compare.ts';
import { readLedger } from './ledger.ts';
import { type Deaths, Lives } from './lives.ts';
import { load } from './load.ts';
import { type Use, watch } from './memory.ts';
import type { SoakOptions } from './options.ts';
import { People } from './people.ts';
import { listAll, readAll, settle } from './settle.ts';
import { drawRates, weather } from './weather.ts';

export interface SoakRun extends SoakOptions {
  /** Empty, or not there yet; keeps the store, the ledger and the server's log. */
  readonly directory: string;
  /** Ends faults, kills and load: the run's time, or someone before. */
  readonly enough: AbortController;
  /** Ends the wait for what has not ended: the run after three minutes, or someone before. */
  readonly impatient: AbortController;
  /** Is shown how far it is, every few seconds. */
  progress(state: Progress): void;
}

/** Where a run stands. */
export interface Progress {
  /** Seconds since the first start. */
  readonly seconds: number;
  readonly phase: 'faults' | 'settling' | 'reading';
  readonly book: Book;
  readonly deaths: Deaths;
  readonly use: Use;
}

export interface SoakResult extends Omit<Progress, 'phase'> {
  readonly comparison: Comparison;
  readonly accepted: readonly Accepted[];
  readonly ledger: readonly LedgerEntry[];
  /** Answers and ends of the server that nothing explains, in words. */
  readonly problems: readonly string[];
  /** Seconds from the end of faults until every workflow had ended. */
  readonly settledIn: number;
  /** The workflow that was the last to end, with its timeline. */
  readonly last: WorkflowAnswer | undefined;
  /** Bytes, once nothing ran any more. */
  readonly storedAtEnd: number;
}

/** Milliseconds. */
const PROGRESS_MS = 5_000;
const SETTLE_MOST_MS = 180_000;
/** A life is at most this part of the run, so that a short one sees kills too. */
const LONGEST_LIFE = 1 / 6;

/**
 * Runs the server with faults, kills and load for so many minutes, lets everything end, kills it once more, and compares
 * what it shows with what its targets did.
 * Errors: the server does not start any more.
 */
export async function soak(run: SoakRun): Promise<SoakResult> {
  const { directory, seed, minutes } = run;
  const place = {
    data: join(directory, 'data'),
    ledger: join(directory, 'ledger.jsonl'),
    targets: join(directory, 'targets.json'),
    log: join(directory, 'server.log'),
  };
  await mkdir(directory, { recursive: true });
  const demo = await startDemoTargets({ ledgerFile: place.ledger });
  await writeFile(place.targets, JSON.stringify(demo.targets));
  const lives = new Lives(
    [
      ...['--port', '0', '--no-sample', '--log-level', 'warn'],
      // Waits of seconds, so that a run of minutes sees many attempts.
      ...['--backoff-scale', '0.1'],
      ...['--data', place.data, '--targets', place.targets],
    ],
    place.log,
  );
  const book = new Book();
  const people = new People(new Client(lives, book), book);
  const use: Use = { resident: 0, residentMost: 0, stored: 0 };
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const unwatched = new AbortController();
  let phase: Progress['phase'] = 'faults';
  const watched = watch(lives, place.data, use, unwatched.signal);
  const timers = [
    setInterval(
      () => run.progress({ seconds: seconds(), phase, book, deaths: lives.deaths, use }),
      PROGRESS_MS,
    ),
  ];
  try {
    // Not AbortSignal.timeout and any: Node 20 lets go of a signal that only other signals hold.
    const over = { enough: run.enough.signal, impatient: run.impatient.signal };
    // Every loop that waits listens to them: that is no leak.
    setMaxListeners(0, over.enough, over.impatient);
    timers.push(setTimeout(() => run.enough.abort(), minutes * 60_000));
    const longest = minutes * 60_000 * LONGEST_LIFE;
    const living = lives.cycle(seed, longest, over.enough).catch((error: unknown) => {
      // Nobody will be answered any more.
      for (const one of [run.enough, run.impatient]) one.abort();
      throw error;
    });
    const loading = load(new Client(lives, book), book, run, over.enough, over.impatient);
    await Promise.all([
      living,
      people.busy(seed, over.enough),
      weather(demo, drawRates(seed), seed, over.enough),
    ]);

    phase = 'settling';
    const faultsEnded = seconds();
    timers.push(setTimeout(() => run.impatient.abort(), SETTLE_MOST_MS));
    await loading;
    const last = await settle(people, book, over.impatient);
    const settledIn = seconds() - faultsEnded;

    phase = 'reading';
    // The last answers come from the disk.
    await lives.kill();
    await lives.begin();
    const answers = {
      accepted: book.accepted(await readAll(people, book.ids)),
      listed: await listAll(people),
    };
    unwatched.abort();
    await watched;
    await lives.stop(SETTLE_MOST_MS);
    const ledger = readLedger(place.ledger);
    return {
      ...{ seconds: seconds(), book, deaths: lives.deaths, use, ledger, settledIn, last },
      accepted: answers.accepted,
      comparison: compare(ledger, answers),
      problems: [...lives.problems, ...book.problems],
      storedAtEnd: use.stored,
    };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    unwatched.abort();
    await lives.kill();
    await demo.close();
  }
}
