import type { StepDefinition } from '../../../lib/chain/definition.ts';
import { findStep, healthyAttempt } from '../../../lib/chain/graph.ts';
import type { StepPlace } from '../../../lib/chain/places.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { type Backing, embeddedBacking, SQS_GRANULARITY_MS } from '../../../lib/testing/world/backing.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import type { StageOptions } from '../../../lib/testing/world/stage.ts';
import { createTime, type Time } from '../../../lib/testing/world/time.ts';
import { type Counts, counting, countingEvents, noCounts } from '../counts.ts';
import type { Chaos } from '../faults/chaos.ts';
import type { Rates } from '../faults/rates.ts';
import { isInVain } from '../oracle/lookup/asked.ts';
import { createOracle, type Oracle } from '../oracle/oracle.ts';
import { partsOf } from '../oracle/shadow.ts';
import { type BackingOptions, type Surroundings, surroundingsOf } from './backing.ts';
import type { Code, Subject } from './chains.ts';
import { CLEAR, createLookups } from './looking.ts';
import { outsideOf } from './outside.ts';
import { startProcess } from './process.ts';
import { type System, startSystem } from './system.ts';
import { createTargets } from './targets.ts';

/** When every schedule begins, in milliseconds since 1970. */
export const START = 1_790_000_000_000;

/** Things that may happen in one schedule; more means that it does not come to rest. */
const MOST_EVENTS = 200_000;

/** A message is hidden for whole seconds, and each call of a port takes a little while. In milliseconds. */
const PATIENCE_MS = 3_000;
/** Over the adapters a message may wait that long for others that go with it. In milliseconds. */
const TOGETHER_MS = 3_000;

/** Makes the table and the queues of a world. */
export type OpenBacking = (options: BackingOptions) => Promise<Backing>;

interface WorldOptions {
  readonly chance: Chance;
  readonly subject: (code: Code) => Subject;
  readonly chaos: (time: Time, subject: Subject, trace: (line: () => string) => void) => Chaos;
  readonly zombies: boolean;
  /** By how much the clocks of two workers may differ, in milliseconds. */
  readonly skewMs?: () => number;
  /** Whether nothing fails but targets. */
  readonly isPrompt?: () => boolean;
  /** Given each line of what happens, if it is wanted. */
  readonly trace?: ((line: string) => void) | undefined;
  readonly backing?: OpenBacking | undefined;
  /** One process instead of a stage, and the rates that say how it lives. */
  readonly process?: (() => Rates) | undefined;
}

/** A stage with its clients' world around it, in virtual time. */
export interface World {
  readonly time: Time;
  readonly subject: Subject;
  readonly oracle: Oracle;
  readonly system: System;
  readonly surroundings: Surroundings;
  readonly counts: Counts;
  /**
   * Lets everything come to rest, for as long as that may take, and judges the end.
   * @param faultsEnd when the last fault or deed of an operator may come, in milliseconds since 1970
   */
  finish(faultsEnd: () => number): Promise<void>;
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const { chance } = options;
  const time = createTime(START);
  const trace = tracer(time, options.trace);
  const counts = noCounts();
  const code = { ...NO_WORLD, now: time.now };
  const subject = options.subject(code);
  const chaos = options.chaos(time, subject, trace);
  const counted = counting(chaos, counts);
  const chains = registry([subject.chain]);
  const { places } = chains;
  const oracle = createOracle({
    now: time.now,
    start: START,
    trace,
    skewMs: options.skewMs ?? (() => 0),
    granularityMs: options.process === undefined ? SQS_GRANULARITY_MS : 1,
    isPrompt: options.isPrompt ?? (() => false),
    zombies: options.zombies,
    isApiOutdated: () => options.process === undefined && chaos.undeployed('api') !== undefined,
    patienceMs: options.backing === undefined ? PATIENCE_MS : PATIENCE_MS + TOGETHER_MS,
    describe: ({ input }) => ({ chain: subject.chain, card: String(input.card ?? 'no card') }),
  });
  const { answer } = subject;
  const targets = createTargets({
    ...{ time, chaos: counted, oracle, answer },
    // The promise holds where clocks differ by less than the margin of a lease: beyond that a target remembers for longer.
    lifetimeOf: (key) => {
      const lifetime = callUnder(subject, key)?.keyLifetime ?? LIMITS.keyLifetime;
      return lifetime === 0 ? 0 : lifetime + (2 * (options.skewMs?.() ?? 0)) / 1_000;
    },
    // Likewise: clocks that differ wait for less, or for more.
    lateByOf: (key) => {
      const [, step = ''] = key.split(':');
      const lateBy = keepsLateBy(subject) ? findStep(subject.chain, step)?.lateBy : undefined;
      return lateBy && Math.max(0, lateBy - (options.skewMs?.() ?? 0) / 1_000);
    },
    isDone: (key) => {
      const { workflowId, step } = partsOf(key);
      return oracle.find(workflowId)?.steps.get(step)?.status === 'completed';
    },
    says404: subject.says404 ?? (() => false),
  });
  code.run = targets.run;
  const lookups = createLookups({
    ...{ time, chaos: counted, books: targets.books, answers: subject.lookups ?? CLEAR },
  });
  const witness = countingEvents(oracle, counts);
  const around = {
    time,
    oracle: witness,
    witness,
    outside: outsideOf({ time, oracle: witness, targets, lookups }),
    trace,
    chains,
    random: chance,
    counts,
  };
  const { system, surroundings } =
    options.process === undefined
      ? await startStage({ ...around, chaos: counted, places, zombies: options.zombies }, options)
      : await startProcess({ ...around, chaos, chance, rates: options.process() });
  return {
    time,
    subject,
    oracle,
    system,
    surroundings,
    counts,
    finish: async (faultsEnd) => {
      const repair = longestRepair(places, subject) + 2 * (options.skewMs?.() ?? 0);
      const atRest = await time.run(MOST_EVENTS, () => faultsEnd() + repair);
      const failure = time.failure();
      if (failure !== undefined) oracle.report(`it threw: ${String(failure)}`);
      else if (!atRest) oracle.report(`it does not come to rest after ${MOST_EVENTS} events`);
      const parked = surroundings.parked();
      const isAlarmed = (workflowId: string): boolean => parked.some((body) => body.includes(workflowId));
      await oracle.atRest(await surroundings.table(), isAlarmed);
      await surroundings.close();
      // What is remembered of definitions must not keep the world that their code calls.
      Object.assign(code, NO_WORLD);
      countEnds(counts, oracle, options.zombies);
    },
  };
}

/** What code of steps finds before and after its world. */
const NO_WORLD: Code = {
  run: () => Promise.reject(new Error('the world is not there')),
  now: () => START,
};

/** What is called under a key: a step, or its undo. */
function callUnder({ chain }: Subject, key: string): Pick<StepDefinition, 'keyLifetime'> | undefined {
  const { step, action } = partsOf(key);
  const definition = findStep(chain, step);
  return action === undefined ? definition : definition?.undo;
}

/** Where it matters how late a call may act. */
const keepsLateBy = ({ chain }: Subject): boolean =>
  chain.steps.some(({ undo, lookup }) => undo !== undefined || lookup !== undefined);

/** A stage: a function for every queue, and the API. */
async function startStage(
  around: Omit<StageOptions, 'backing' | 'changed'> & Omit<BackingOptions, 'chance'>,
  { backing: open = embeddedBacking, chance }: WorldOptions,
): Promise<{ system: System; surroundings: Surroundings }> {
  const backing = await open({ ...around, chance });
  return {
    system: startSystem({ ...around, backing }),
    surroundings: surroundingsOf(backing, around.places),
  };
}

const tracer =
  (time: Time, write: ((line: string) => void) | undefined) =>
  (line: () => string): void => {
    if (write === undefined) return;
    write(`${((time.now() - START) / 1_000).toFixed(3).padStart(10)} s  ${line()}`);
  };

/**
 * How long a workflow may take to its end once nothing goes wrong any more, in milliseconds: the longest wait that a target
 * can ask for, the reconciler's longest, a lease, and then all its steps.
 */
function longestRepair(places: readonly StepPlace[], { chain }: Subject): number {
  const lease = Math.max(...places.map(({ settings }) => settings.functionTimeout)) + LIMITS.leaseMargin;
  const asked = LIMITS.retryAfter * (1 + LIMITS.askedJitter);
  const waits = asked + LIMITS.reconcileBackoffCap + 2 * LIMITS.reconcileInterval + lease;
  const steps = chain.steps.reduce((sum, step) => sum + healthyAttempt(step), 0);
  // Taken back one after the other, each may act late first, and its undo be claimed by a worker that dies.
  const undos = chain.steps.reduce(
    (sum, { lateBy, undo }) => sum + (undo === undefined ? 0 : lateBy + 2 * (undo.timeout + lease)),
    0,
  );
  // Asked what became of its call when nothing can act late any more, by a worker that dies first; and then called again.
  const lookups = chain.steps.reduce(
    (sum, { timeout, lateBy, lookup }) =>
      sum + (lookup === undefined ? 0 : 2 * (timeout + lateBy + 2 * (lookup.timeout + lease))),
    0,
  );
  // A failure may have to wait until its kind may be told again, and be told twice before it is marked.
  const telling = 2 * (LIMITS.digestWindow + 2 * LIMITS.reconcileInterval);
  return (waits + telling + 2 * steps + undos + lookups) * 1_000;
}

const ENDS = {
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  compensated: 'compensated',
  compensation_failed: 'compensationsFailed',
} as const;

function countEnds(counts: Counts, { workflows }: Oracle, zombies: boolean): void {
  counts.schedules += 1;
  if (zombies) counts.staleWorkers += 1;
  for (const { meta, chain, effects, forced, undos, asked, lookups, denied, said } of workflows.values()) {
    counts.workflows += 1;
    counts.resumes += meta.epoch;
    for (const keys of effects.values()) counts.effects += keys.size;
    for (const epochs of forced.values()) counts.newKeys += epochs.size;
    if (meta.status !== 'processing' && meta.status !== 'compensating') counts[ENDS[meta.status]] += 1;
    if (meta.error?.code === 'PAST_PIVOT') counts.pastPivot += 1;
    for (const deed of effects.keys()) if (!chain.steps.some(({ name }) => name === deed)) counts.undos += 1;
    counts.lookups += asked.size;
    counts.foundNotDone += denied.size;
    for (const lookup of lookups.values()) {
      if (lookup.answer === 'done') counts.foundDone += 1;
      if (isInVain(lookup)) counts.foundNothingOut += 1;
    }
    for (const word of said) counts[word.startsWith('done ') ? 'saidDone' : 'saidNotDone'] += 1;
    for (const { found } of undos.values()) if (found === false) counts.undosOfNothing += 1;
  }
}
