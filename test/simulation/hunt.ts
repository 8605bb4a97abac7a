import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { bundleSimulator } from './bundle.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { runJobs } from './pool.ts';
import type { Outcome } from './simulate.ts';

/** Schedules within which every mutant is to be caught, from seed 1 on. */
export const WITHIN = 10_000;

/** A mutant, the first schedule that catches it, and the first in which it breaks a promise; undefined if none does. */
export interface Caught {
  readonly mutant: Mutant;
  readonly by: Outcome | undefined;
  readonly harm: Outcome | undefined;
}

export const breaksPromise = ({ violations }: Outcome): boolean =>
  violations.some(({ breaks }) => breaks === 'promise');

/** Runs schedules against a mutant until it breaks a promise. */
export async function hunt(mutant: Mutant, from = 1, count = WITHIN): Promise<Caught> {
  const bundle = await bundleSimulator(`mutant-${MUTANTS.indexOf(mutant)}`, mutant.mutations);
  const job = { kind: 'seeds', from, count, until: 'promise' } as const;
  const [answer] = await runJobs(bundle, [job], { threads: 1 });
  const broken = answer?.kind === 'seeds' ? answer.broken : [];
  return { mutant, by: broken[0], harm: broken.find(breaksPromise) };
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
const seeds = z.record(z.string(), z.strictObject({ caught: z.int(), harm: z.int().nullable() }));

/** Of each mutant by its name the first schedule that catches it, and the first in which it breaks a promise, as found last. */
export const knownSeeds = (): z.infer<typeof seeds> => seeds.parse(JSON.parse(readFileSync(FILE, 'utf8')));

/** Notes what was found. A change of the simulator draws other schedules, and other seeds catch. */
export function noteSeeds(all: readonly Caught[]): void {
  const found = MUTANTS.flatMap((mutant) => {
    const { by, harm } = all.find((caught) => caught.mutant === mutant) ?? {};
    return by === undefined ? [] : [[mutant.name, { caught: by.seed, harm: harm?.seed ?? null }]];
  });
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(found), null, 2)}\n`);
}
