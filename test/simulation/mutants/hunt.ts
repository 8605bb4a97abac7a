import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { bundleSimulator } from '../bundle.ts';
import type { Violation } from '../oracle/seen/ledger.ts';
import { runJobs } from '../pool.ts';
import { breaksPromise, type Outcome } from '../simulate.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

/** Schedules within which every mutant is to be caught, from seed 1 on. */
export const WITHIN = 20_000;

/** A mutant, the first schedule that catches it, and the first in which it breaks a promise; undefined if none does. */
interface Caught {
  readonly mutant: Mutant;
  readonly by: Outcome | undefined;
  readonly harm: Outcome | undefined;
}

/** Runs schedules against a mutant until it breaks a promise. */
export async function hunt(mutant: Mutant, from = 1, count = WITHIN): Promise<Caught> {
  const bundle = await bundled(mutant);
  const job = { kind: 'seeds', from, count, until: 'promise' } as const;
  const [answer] = await runJobs(bundle, [job], { threads: 1 });
  const broken = answer?.kind === 'seeds' ? answer.broken : [];
  return { mutant, by: broken[0], harm: broken.find(breaksPromise) };
}

/** Runs one schedule against a mutant, with everything that happens in it. */
export async function traceMutant(
  mutant: Mutant,
  seed: number,
  onLine: (line: string) => void,
): Promise<readonly Violation[]> {
  const job = { kind: 'seeds', from: seed, count: 1, trace: true } as const;
  const [answer] = await runJobs(await bundled(mutant), [job], { threads: 1, onLine });
  return answer?.kind === 'seeds' ? (answer.broken[0]?.violations ?? []) : [];
}

const bundles = new Map<Mutant, Promise<string>>();
/** Made once: two hunts of one mutant must not write one file at a time. */
function bundled(mutant: Mutant): Promise<string> {
  const bundle =
    bundles.get(mutant) ?? bundleSimulator(`mutant-${MUTANTS.indexOf(mutant)}`, mutant.mutations);
  bundles.set(mutant, bundle);
  return bundle;
}

/** Hunts all mutants, as many at a time as there are processors. */
export async function huntAll(onCaught: (caught: Caught) => void): Promise<readonly Caught[]> {
  const waiting = [...MUTANTS];
  const all: Caught[] = [];
  const next = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const caught = await hunt(mutant);
      all.push(caught);
      onCaught(caught);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  return all;
}

const FILE = join(import.meta.dirname, 'mutants.json');
const seeds = z.record(z.string(), z.strictObject({ caught: z.int(), harm: z.int() }));

/** Of each mutant by its name the first schedule that catches it, and the first in which it breaks a promise, as found last. */
export const knownSeeds = (): z.infer<typeof seeds> => seeds.parse(JSON.parse(readFileSync(FILE, 'utf8')));

/**
 * Notes what was found, if every mutant was caught and did harm: a change of the simulator draws other schedules, and other
 * seeds catch. Otherwise what is known stays.
 * @returns what is wrong with the simulator: which mutants it did not catch, and which did no harm in it
 */
export function noteSeeds(all: readonly Caught[]): readonly string[] {
  const found: Record<string, { caught: number; harm: number }> = {};
  const missing: string[] = [];
  for (const { name } of MUTANTS) {
    const { by, harm } = all.find(({ mutant }) => mutant.name === name) ?? {};
    if (by === undefined) missing.push(`not caught: ${name}`);
    else if (harm === undefined) missing.push(`caught by seed ${by.seed}, but breaks no promise: ${name}`);
    else found[name] = { caught: by.seed, harm: harm.seed };
  }
  if (missing.length === 0) writeFileSync(FILE, `${JSON.stringify(found, null, 2)}\n`);
  return missing;
}
