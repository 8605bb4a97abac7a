import type { ChainDefinition } from '../chain/definition.ts';
import { RESERVED_OUTPUT_NAMES } from '../contract/names.ts';
import type { WorkflowAnswer } from '../contract/wire.ts';
import { canonical } from '../engine/fingerprint.ts';
import { type Effect, effectOf, firstRepeated, type Repeated } from './effects.ts';
import { alternatives, alternativesOfLookups, type Planned } from './faults/planned.ts';
import { inputFor } from './input.ts';
import { faultOf, type Played, play, type Subject } from './play.ts';
import { START } from './session.ts';
import type { TestOptions } from './test-chain.ts';
import { duration, inWords } from './words.ts';

/** A test may have replaced the timers of its process by the time it is needed. */
const realImmediate = setImmediate;

/** What was tried. */
export interface FaultReport {
  /** Runs with one fault each, or with two: where the first has a lookup asked, the second strikes that. */
  readonly plans: number;
  /** Moments of a run without any fault at which something can go wrong: calls of ports, messages, calls of targets, code of steps. */
  readonly moments: number;
  /** How the runs ended. A workflow is cancelled where that is the fault, and taken back where its chain says `onFailure: 'undo'`. */
  readonly completed: number;
  readonly cancelled: number;
  readonly compensated: number;
  /** Runs in which the workflow failed and was resumed. */
  readonly resumed: number;
}

/**
 * Plays every single fault over a chain, each in a run of its own: a crash before and after every call of a port, a lost reply, a message that is lost
 * or comes twice, a target that acts and breaks the connection, code that throws when it has done all, a cancel. Where
 * that has a lookup asked, every fault of the target that is asked is played beside it. Workflows that fail are resumed. Fakes must answer the same in every run: `targets` may be a function that makes them anew for each.
 * Errors: an `Error` with the trace of the first run in which a step's effect happened twice, the workflow did not come to its end, or its output is
 * another than without the fault, or it completed though a step never took effect, or it was taken back and what a step did stands; and those of `testChain`.
 * @example
 * await everyFault(orderProcessing, { targets: { payments: { 'POST /charges': { orderId: 'o-1', receiptUrl: 'https://r.example/1' } }, … } });
 * // { plans: 233, moments: 29, completed: 218, cancelled: 15, compensated: 0, resumed: 36 }
 */
export async function everyFault(
  chain: ChainDefinition,
  { targets, secrets, input, headers = {} }: TestOptions,
): Promise<FaultReport> {
  const subject: Subject = { chain, targets, secrets, payload: await inputFor(chain, input), headers };
  const usual = await usualOf(subject);
  const plans = alternatives(usual.points, 0).map((fault): readonly Planned[] => [fault]);
  const report = { completed: 0, cancelled: 0, compensated: 0, resumed: 0 };
  for (const plan of plans) {
    const played = await play(subject, plan);
    const problem = problemOf(chain, played, usual);
    if (problem !== undefined) throw violation(chain, played, problem);
    const [first, second] = plan;
    if (first !== undefined && second === undefined) {
      plans.push(...alternativesOfLookups(played.points, first.at + 1).map((fault) => [first, fault]));
    }
    const { status } = played.workflow ?? {};
    report[status === 'cancelled' || status === 'compensated' ? status : 'completed'] += 1;
    if (played.resumes > 0) report.resumed += 1;
    // Virtual time leaves the event loop no turn of its own, and whoever runs the test may have set it a time limit.
    await new Promise(realImmediate);
  }
  return { plans: plans.length, moments: usual.points.length, ...report };
}

/** A run without any fault: what it showed, and how often everything was done. */
interface Usual {
  readonly points: Played['points'];
  /** Without what is another in each run: of a random draw, say. */
  readonly output: Readonly<Record<string, unknown>>;
  readonly times: ReadonlyMap<string, number>;
}

async function usualOf(subject: Subject): Promise<Usual> {
  const [first, second] = [await play(subject, []), await play(subject, [])];
  const { chain } = subject;
  const { workflow, effects, points } = first;
  if (workflow?.status !== 'completed') throw violation(chain, first, endProblem(first));
  const times = new Map([...effects.all].map(([what, all]) => [what, all.length]));
  const again = outputOf(second.workflow);
  const output = Object.entries(outputOf(workflow)).filter(([name, value]) => isSame(value, again[name]));
  const usual = { points, times, output: Object.fromEntries(output) };
  const problem = problemOf(chain, first, usual);
  if (problem !== undefined) throw violation(chain, first, problem);
  return usual;
}

const isSame = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other);

const outputOf = (workflow: WorkflowAnswer | undefined): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(workflow ?? {}).filter(
      ([name]) => !RESERVED_OUTPUT_NAMES.some((reserved) => reserved === name),
    ),
  );

/** What is wrong with a run; undefined for nothing. */
function problemOf(chain: ChainDefinition, played: Played, usual: Usual): string | undefined {
  // One request is one effect. What code does, it may do as often as it does without any fault.
  const once = chain.steps.flatMap(({ name, request, undo }) => [
    ...(request === undefined ? [] : [effectOf({ step: name })]),
    ...(undo?.request === undefined ? [] : [effectOf({ step: name, action: 'undo' })]),
  ]);
  const allowed = (what: string): number =>
    once.includes(what) ? 1 : Math.max(1, usual.times.get(what) ?? 0);
  const repeated = firstRepeated(played.effects, allowed);
  if (repeated !== undefined) return effectProblem(repeated);
  const { workflow, cancelled, problem } = played;
  if (problem !== undefined) return problem;
  if (workflow?.status === 'cancelled' && cancelled) return undefined;
  if (workflow?.status === 'compensated' && chain.onFailure === 'undo') return standing(chain, played);
  if (workflow?.status !== 'completed') return endProblem(played);
  const missing = once.find((what) => usual.times.has(what) && !played.effects.all.has(what));
  if (missing !== undefined) return `the workflow completed, and ${missing} never happened`;
  const output = outputOf(workflow);
  const other = Object.entries(usual.output).find(([name, value]) => !isSame(value, output[name]));
  if (other === undefined) return undefined;
  const [name, value] = other;
  return `the output has another ${name}: ${canonical(output[name])}, and without the fault ${canonical(value)}`;
}

/**
 * What a step did and its undo did not take back; undefined for nothing. What code does is not looked at, nor what a target does when all is
 * over: `lateBy` says how late it may act.
 */
function standing({ steps }: ChainDefinition, { effects: { all }, workflow }: Played): string | undefined {
  const end = Date.parse(workflow?.updatedAt ?? '');
  const left = steps.find(
    ({ name, undo }) =>
      undo?.request !== undefined &&
      all.get(effectOf({ step: name }))?.some(({ at }) => at < end) === true &&
      !all.has(effectOf({ step: name, action: 'undo' })),
  );
  return left && `the workflow was taken back, and ${effectOf({ step: left.name })} stands`;
}

function effectProblem({ what, effects }: Repeated): string {
  const times = effects.length === 2 ? 'twice' : `${effects.length} times`;
  return `${what} happened ${times}: ${effects.map(effectInWords).join(', and ')}`;
}

const effectInWords = ({ how, key, at }: Effect): string =>
  `${how} after ${duration(at - START)} ${key === undefined ? 'without an idempotency key' : `under ${key}`}`;

const endProblem = ({ workflow, resumes }: Played): string =>
  workflow === undefined
    ? 'no workflow was begun'
    : `${resumes === 0 ? '' : `though it was resumed ${resumes} times, `}${inWords(workflow).replace(/\.$/, '')}`;

/** Lines of a trace that an error holds: the last ones. */
const MOST_LINES = 400;

function violation(chain: ChainDefinition, played: Played, problem: string): Error {
  const { trace } = played;
  const left = Math.max(0, trace.length - MOST_LINES);
  return new Error(
    [
      `${chain.name}, ${faultOf(played)}: ${problem}.`,
      '',
      'What happened, in virtual time:',
      ...(left === 0 ? [] : [`… ${left} lines`]),
      ...trace.slice(left),
    ].join('\n'),
  );
}
