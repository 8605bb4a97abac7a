import { isTerminal } from '../../lib/contract/names.ts';
import { type Chance, createChance } from '../../lib/testing/world/chance.ts';
import type { RequestCounts } from './adapters/request-counts.ts';
import type { Counts } from './counts.ts';
import { type Chaos, randomChaos } from './faults/chaos.ts';
import { describeRates, drawRates, type Rates } from './faults/rates.ts';
import { calmProblems } from './oracle/calm.ts';
import type { Violation } from './oracle/seen/ledger.ts';
import { drawSubject } from './world/chains.ts';
import { startClients } from './world/clients.ts';
import { withLookups } from './world/lookups.ts';
import { drawUndoing, isUndoing } from './world/undoing.ts';
import { type OpenBacking, openWorld, START, type World } from './world/world.ts';

/** How one schedule went. */
export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The chain and the rates of faults, in words. */
  readonly about: string;
  readonly counts: Counts;
  /** Where the real adapters ran. */
  readonly requests?: RequestCounts;
}

export interface SimulateOptions {
  readonly trace?: (line: string) => void;
  readonly backing?: OpenBacking;
  /** Milliseconds after which nothing goes wrong any more, if the seed has it go on longer. */
  readonly longest?: number;
  /** What goes wrong at those rates; `randomChaos` if left out. */
  readonly chaos?: (chance: Chance, rates: Rates, now: () => number) => Chaos;
}

/** Seeds are below: of another chance than that of any schedule. */
const FORGETFUL = 2 ** 31;
const UNDOING = 2 ** 32;
const LOOKING_UP = 2 ** 33;

/**
 * Runs the schedule of a seed to its end: everything in it is drawn from the seed.
 * @example const { violations } = await simulate(7, { trace: console.log });
 */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const chance = createChance(seed);
  const oneProcess = options.backing === undefined && chance.happens(0.2);
  const zombies = !oneProcess && chance.happens(0.2);
  const drawn: { rates?: Rates; about?: string } = {};
  const { chaos = randomChaos, longest = Infinity, ...worldOptions } = options;
  const world = await openWorld({
    ...{ chance, zombies, ...worldOptions },
    process: oneProcess ? () => ratesOf(drawn) : undefined,
    isPrompt: () => drawn.rates?.prompt === true,
    skewMs: () => 2 * (drawn.rates?.skewMs ?? 0),
    // A draw of its own, so that it changes no other. A worker that outlives its function may call when a key is long forgotten.
    subject: (code) =>
      isUndoing(seed)
        ? withLookups(drawUndoing(createChance(seed + UNDOING), code), 0.35, createChance(seed + LOOKING_UP))
        : withLookups(
            drawSubject(chance, code, zombies ? undefined : createChance(seed + FORGETFUL)),
            0.15,
            createChance(seed + LOOKING_UP),
          ),
    chaos: (time, { chain }) => {
      const all = drawRates(chance, chain.steps, START, oneProcess);
      // Requests of adapters fail, too: then much is for the reconciler.
      const reconciledFrom = options.backing === undefined ? all.reconciledFrom : undefined;
      const rates = { ...all, reconciledFrom, stopAt: Math.min(all.stopAt, START + longest) };
      const about = `${shapeOf(chain.steps)}; ${zombies ? 'zombies, ' : ''}${describeRates(rates, START)}`;
      drawn.rates = rates;
      drawn.about = about;
      // Before anything else happens: one process begins while its world is being made.
      options.trace?.(`seed ${seed}: ${chain.name} ${about}`);
      return chaos(chance, rates, time.now);
    },
  });
  const rates = ratesOf(drawn);
  const { oracle } = world;
  // A deed of an operator begins a new wait: the last one counts.
  let lastDeed = rates.reconciledFrom ?? rates.stopAt;
  if (rates.reconciledFrom !== undefined)
    world.time.after(rates.reconciledFrom - START - 1, () => judgeWithoutReconciler(world));
  oracle.onMeta(({ meta }, before) => {
    const isTurned = meta.status === 'compensating' && before?.status !== 'compensating';
    if (before === undefined || meta.epoch !== before.epoch || isTurned)
      lastDeed = Math.max(lastDeed, world.time.now());
  });
  startClients({ ...world, chance, rates });
  await world.finish(() => lastDeed);
  if (rates.calm) for (const problem of calmProblems(oracle)) oracle.report(problem);
  return { seed, violations: oracle.violations, about: drawn.about ?? '', counts: world.counts };
}

/** Everything had the time to come to its end, and nothing was lost. */
function judgeWithoutReconciler({ oracle, surroundings }: Pick<World, 'oracle' | 'surroundings'>): void {
  if (surroundings.hasDeadLetters() || surroundings.parked().length > 0) return;
  for (const { meta } of oracle.workflows.values())
    if (!isTerminal(meta.status))
      oracle.report(
        `a workflow that is ${meta.status} stands still without the reconciler, and nothing was lost`,
      );
}

function ratesOf({ rates }: { rates?: Rates }): Rates {
  if (rates === undefined) throw new Error('no rates were drawn');
  return rates;
}

export const breaksPromise = ({ violations }: Outcome): boolean =>
  violations.some(({ breaks }) => breaks === 'promise');

/** The graph in a line: "s1 s2<s1 s3<s1,s2". */
const shapeOf = (steps: readonly { readonly name: string; readonly after: readonly string[] }[]): string =>
  steps.map(({ name, after }) => (after.length === 0 ? name : `${name}<${after.join(',')}`)).join(' ');
