import type { Chance } from '../../../lib/testing/world/chance.ts';
import { STEP_FAILED } from '../../../lib/testing/world/stage.ts';
import { undoTarget } from '../world/undo-target.ts';

/** How often each thing goes wrong in one schedule: from 0 to 1, of the calls, messages or receives that it can strike. */
export interface Rates {
  /** Nothing goes wrong at all: what the protocol costs can be counted. */
  readonly calm: boolean;
  /** Nothing goes wrong but at targets, and by operators: then no step may wait. */
  readonly prompt: boolean;
  /** Targets take all the same time. */
  readonly inStep: boolean;
  readonly fail: number;
  readonly lose: number;
  /** Writes that are done after their caller was told that they failed. */
  readonly late: number;
  readonly crashBefore: number;
  readonly crashSent: number;
  /** Calls of ports that take up to two minutes. */
  readonly slow: number;
  /** Functions that die at a moment that has to do with nothing. */
  readonly workerDies: number;
  readonly messageLost: number;
  readonly messageTwice: number;
  readonly messageLate: number;
  /** Messages some time after which their queue loses all that is in it. */
  readonly queueLost: number;
  /** Milliseconds for which mappings gather messages. */
  readonly gatherMs: number;
  readonly burned: number;
  readonly acknowledgementLost: number;
  readonly target: {
    readonly unreachable: number;
    readonly refuses: number;
    readonly later: number;
    readonly breaks: number;
    readonly silent: number;
    readonly nonsense: number;
    readonly slow: number;
  };
  /** Until when a target is not to be reached at all, in milliseconds since 1970. */
  readonly outages: ReadonlyMap<string, number>;
  /** Until when no message of a step reaches its function, in milliseconds since 1970. */
  readonly throttles: ReadonlyMap<string, number>;
  /**
   * Until when a function is of another deployment, in milliseconds since 1970: a step's by its name, the others by what they are. Where
   * that is even, it does not know the chain's version; where it is odd, it has other steps under it.
   */
  readonly outdated: ReadonlyMap<string, number>;
  /** How often a call of a step ends the process, by the step's name. */
  readonly poison: ReadonlyMap<string, number>;
  /** Milliseconds that a process of its own lives between two kills; undefined where functions run. */
  readonly lives: { readonly least: number; readonly most: number } | undefined;
  readonly reconcilerLateMs: number;
  /** Runs of the reconciler that are begun twice. */
  readonly reconcilerTwice: number;
  /** By how much a worker's clock may be wrong, either way, in milliseconds. */
  readonly skewMs: number;
  /** Loads that read META at another moment than the steps. */
  readonly torn: number;
  /** Answers of the due index that are behind the table. */
  readonly staleIndex: number;
  /** What such an answer showed before and should no longer. */
  readonly leftOvers: number;
  /** Bodies that nobody can read, sent to each queue. */
  readonly garbage: number;
  /** For each workflow: whether it is cancelled, and how often an operator who sees it failed resumes it. */
  readonly cancel: number;
  readonly resume: number;
  /** Resumes that force a new idempotency key. */
  readonly newKey: number;
  /** Of chains that can be undone: a step that is refused until the faults end; what operators do, each for each workflow. */
  readonly undo: UndoRates;
  /**
   * When the reconciler begins to run, in milliseconds since 1970: until then functions die, but nothing that only it could repair goes wrong.
   * Undefined where it runs all the time.
   */
  readonly reconciledFrom: number | undefined;
  /** When all of this ends, in milliseconds since 1970. */
  readonly stopAt: number;
}

export interface UndoRates {
  readonly doomed: string | undefined;
  /** The same of the target of an undo. */
  readonly refused: string | undefined;
  /** Calls that nobody answers, and that are done after their deadline. */
  readonly late: number;
  /** A cancel that takes it back, at any moment. */
  readonly cancel: number;
  /** The same in the very moment in which something happens to a step, of those moments. */
  readonly strike: number;
  /** A workflow that failed is taken back. */
  readonly failed: number;
  /** A compensation that failed is resumed, as it is or with a word on what failed; or closed. */
  readonly resume: number;
  readonly undone: number;
  readonly newKey: number;
  readonly close: number;
}

const NO_UNDO: UndoRates = {
  ...{ doomed: undefined, refused: undefined, late: 0, cancel: 0, strike: 0, failed: 0 },
  ...{ resume: 0, undone: 0, newKey: 0, close: 0 },
};

const HOUR = 3_600_000;

interface Named {
  readonly name: string;
  readonly targets: readonly string[] | undefined;
  readonly undo?: unknown;
}

/** Rates of one schedule: of each kind none, few or many. */
export function drawRates(chance: Chance, steps: readonly Named[], now: number, oneProcess = false): Rates {
  const canUndo = steps.some(({ undo }) => undo !== undefined);
  const calm = chance.happens(0.05);
  // Much of undo shows only where nothing may wait.
  const prompt = calm || chance.happens(canUndo ? 0.4 : 0.15);
  const rate = (most: number, quiet = prompt): number =>
    quiet || chance.happens(0.4)
      ? 0
      : Number(chance.magnitude(prompt ? most / 4 : most / 100, most).toPrecision(2));
  // A process that is killed every now and then gets nowhere for as long: no need to watch it for hours.
  const span = oneProcess ? chance.magnitude(2_000, HOUR / 12) : chance.magnitude(5_000, 3 * HOUR);
  const untilSome = (names: readonly string[], share: number, quiet = prompt): ReadonlyMap<string, number> =>
    new Map(
      names
        .filter(() => !quiet && chance.happens(share))
        .map((name) => [name, now + Math.round(chance.fraction() * span)]),
    );
  const rates: Rates = {
    calm,
    prompt,
    inStep: chance.happens(0.5),
    fail: rate(0.3),
    lose: rate(0.3),
    late: rate(0.2),
    crashBefore: rate(0.2),
    crashSent: rate(0.2),
    slow: rate(0.5),
    workerDies: rate(0.2),
    messageLost: rate(0.3),
    messageTwice: rate(0.5),
    messageLate: rate(0.5),
    queueLost: rate(0.15),
    gatherMs: chance.happens(0.3) ? 0 : chance.whole(1, 500),
    burned: rate(0.5),
    acknowledgementLost: rate(0.3),
    target: {
      unreachable: rate(0.3, calm),
      refuses: rate(0.3, calm),
      later: rate(0.4, calm),
      breaks: rate(0.3, calm),
      silent: rate(0.3, calm),
      nonsense: rate(0.2, calm),
      slow: rate(0.5, calm),
    },
    outages: untilSome(
      steps.flatMap(({ targets }) => targets ?? []),
      0.1,
      calm,
    ),
    throttles: untilSome(
      steps.map(({ name }) => name),
      0.05,
    ),
    outdated: new Map([
      ...untilSome(
        steps.map(({ name }) => name),
        0.03,
      ),
      ...untilSome([STEP_FAILED, 'reconciler', 'api'], 0.06),
    ]),
    skewMs:
      prompt || chance.happens(0.7)
        ? 0
        : Math.round(chance.magnitude(10, chance.happens(0.2) ? 600_000 : 2_000)),
    lives: oneProcess && !prompt ? { least: 1, most: chance.magnitude(20, span) } : undefined,
    torn: oneProcess ? 0 : rate(0.5),
    staleIndex: rate(0.5),
    leftOvers: prompt ? 0 : chance.pick([0, 0.5, 1]),
    garbage: rate(0.3),
    reconcilerTwice: rate(0.9),
    reconcilerLateMs: Math.round(rate(0.5) * 2 * HOUR),
    cancel: rate(0.5, calm),
    resume: calm ? 0 : chance.pick([0, 0.5, 1]),
    newKey: calm || chance.happens(0.7) ? 0 : 0.3,
    stopAt: now + (calm ? 0 : Math.round(span)),
    poison: new Map(
      oneProcess && !prompt && chance.happens(0.3)
        ? steps.filter(() => chance.happens(0.5)).map(({ name }) => [name, chance.pick([0.3, 1])] as const)
        : [],
    ),
    // Nothing is drawn for a chain that cannot be undone.
    undo: calm || !canUndo ? NO_UNDO : drawUndo(chance, steps),
    reconciledFrom: undefined,
  };
  return canUndo && !prompt && !oneProcess && chance.happens(0.25) ? alone(rates) : rates;
}

/** The reconciler is for what gets lost: all the rest goes on without it, and comes to its end. */
const alone = (rates: Rates): Rates => ({
  ...rates,
  ...{
    fail: 0,
    lose: 0,
    late: 0,
    slow: 0,
    messageLost: 0,
    queueLost: 0,
    burned: 0,
    skewMs: 0,
    torn: 0,
    garbage: 0,
  },
  crashBefore: Math.min(rates.crashBefore, 0.1),
  crashSent: Math.min(rates.crashSent, 0.1),
  workerDies: Math.min(rates.workerDies, 0.05),
  throttles: new Map(),
  outdated: new Map(),
  reconciledFrom: rates.stopAt + 6 * HOUR,
});

const drawUndo = (chance: Chance, steps: readonly Named[]): UndoRates => ({
  doomed: chance.happens(0.5) ? chance.pick(steps).name : undefined,
  refused: chance.happens(0.25) ? undoTarget(chance.pick(steps).name) : undefined,
  late: chance.pick([0, 0, 0.1, 0.5]),
  cancel: chance.pick([0, 0, 0.5]),
  strike: chance.pick([0, 0, 0.1]),
  failed: chance.pick([0, 0.5, 1]),
  resume: chance.pick([0.5, 1]),
  undone: chance.pick([0, 0.3]),
  newKey: chance.pick([0, 0.3]),
  close: chance.pick([0, 0.2]),
});

/** The rates as one line: what is zero is left out. */
export function describeRates(
  {
    target,
    outages,
    throttles,
    outdated,
    poison,
    stopAt,
    calm,
    prompt,
    inStep: _,
    lives,
    undo,
    reconciledFrom,
    ...rates
  }: Rates,
  start: number,
): string {
  const shown = Object.entries({ ...rates, ...target }).filter(([, rate]) => rate !== 0);
  return [
    calm
      ? 'calm'
      : `${prompt ? 'only targets fail, ' : ''}faults for ${Math.round((stopAt - start) / 1_000)} s`,
    ...(lives === undefined ? [] : [`one process that lives up to ${Math.round(lives.most)} ms`]),
    ...shown.map(([name, rate]) => `${name} ${rate}`),
    ...(poison.size === 0 ? [] : [`the process is ended by ${[...poison.keys()].join(', ')}`]),
    ...(outages.size === 0 ? [] : [`outages of ${[...outages.keys()].join(', ')}`]),
    ...(outdated.size === 0 ? [] : [`outdated ${[...outdated.keys()].join(', ')}`]),
    ...(reconciledFrom === undefined ? [] : ['no reconciler']),
    ...[undo.doomed, undo.refused].flatMap((name) => (name === undefined ? [] : [`${name} is refused`])),
    ...Object.entries(undo).flatMap(([name, rate]) =>
      typeof rate === 'number' && rate > 0 ? [`undo: ${name} ${rate}`] : [],
    ),
    ...(throttles.size === 0 ? [] : [`throttled ${[...throttles.keys()].join(', ')}`]),
  ].join(', ');
}
