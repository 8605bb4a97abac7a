import { bundleSimulator } from './bundle.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { runJobs } from './pool.ts';
import type { Outcome } from './simulate.ts';

/** Schedules within which every mutant is to be caught, from seed 1 on. */
export const WITHIN = 2_000;

/** A mutant, and the first schedule that catches it; undefined if none does. */
export interface Caught {
  readonly mutant: Mutant;
  readonly by: Pick<Outcome, 'seed' | 'violations'> | undefined;
}

/** Runs schedules against a mutant until one catches it. */
export async function hunt(mutant: Mutant, from = 1, count = WITHIN): Promise<Caught> {
  const bundle = await bundleSimulator(`mutant-${MUTANTS.indexOf(mutant)}`, mutant.mutations);
  const job = { kind: 'seeds', from, count, stopAtFirst: true } as const;
  const [answer] = await runJobs(bundle, [job], { threads: 1 });
  return { mutant, by: answer?.kind === 'seeds' ? answer.broken[0] : undefined };
}
