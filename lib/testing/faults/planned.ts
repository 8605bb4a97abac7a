import { type Chaos, type InvocationFault, type PortFault, READS, type TargetFault } from './chaos.ts';

const SECOND = 1_000;
/** Longer than any lease and visibility timeout of the small chains. */
const LONG = 10 * 60 * SECOND;
/** Longer than any function of the small chains may run. */
const TIMED_OUT = 30 * SECOND;

const QUICK: PortFault = { kind: 'none', there: 5, back: 5 };
const GOOD: TargetFault = { effect: 5, reply: { kind: 'good' }, takes: 10 };

/** Reads: what they would have changed is nothing, so a lost reply is a failure. */
const READ_FAULTS = {
  fails: { ...QUICK, kind: 'fail' },
  'is the last that its worker does': { ...QUICK, kind: 'crashBefore' },
  'is answered when others have taken over': { ...QUICK, back: LONG },
  'is never answered until its worker is killed': { ...QUICK, back: LONG, killedAfter: TIMED_OUT },
} as const satisfies Readonly<Record<string, PortFault>>;

const WRITE_FAULTS = {
  ...READ_FAULTS,
  'loses its reply': { ...QUICK, kind: 'lose' },
  'loses its reply after a while': { ...QUICK, kind: 'lose', back: 10 * SECOND },
  'is done after its worker died': { ...QUICK, kind: 'crashSent' },
  'is done long after its worker died': { ...QUICK, kind: 'crashSent', there: LONG },
  'is done when others have taken over': { ...QUICK, there: LONG },
} as const satisfies Readonly<Record<string, PortFault>>;

const MESSAGE_FAULTS = {
  'is lost': { kind: 'lost', delay: 0 },
  'comes twice': { kind: 'sent', delay: 0, again: 1 },
  'comes again long after': { kind: 'sent', delay: 0, again: LONG },
  'comes late': { kind: 'sent', delay: LONG },
} as const;

const TARGET_FAULTS = {
  'is not to be reached': { reply: { kind: 'unreachable' }, takes: 10 },
  refuses: { reply: { kind: 'status', status: 422 }, takes: 10 },
  'is too busy': { reply: { kind: 'status', status: 503 }, takes: 10 },
  'acts and says that it is too busy': { effect: 5, reply: { kind: 'status', status: 503 }, takes: 10 },
  'asks for an hour': {
    reply: { kind: 'status', status: 429, headers: { 'retry-after': '3600' } },
    takes: 10,
  },
  'acts and breaks the connection': { effect: 5, reply: { kind: 'broken' }, takes: 10 },
  'acts and answers nonsense': { effect: 5, reply: { kind: 'invalid' }, takes: 10 },
  'acts and answers too much': { effect: 5, reply: { kind: 'tooLarge' }, takes: 10 },
  'points elsewhere': { reply: { kind: 'redirect' }, takes: 10 },
  'says nothing': { reply: { kind: 'never' }, takes: 0 },
  'acts and says nothing': { effect: 5, reply: { kind: 'never' }, takes: 0 },
  'acts long after the deadline': { effect: LONG, reply: { kind: 'never' }, takes: 0 },
} as const satisfies Readonly<Record<string, TargetFault>>;

/** A lookup is asked a question, and acts on nothing. */
const LOOKUP_FAULTS = {
  'is not to be reached': TARGET_FAULTS['is not to be reached'],
  refuses: TARGET_FAULTS.refuses,
  'is too busy': TARGET_FAULTS['is too busy'],
  'asks for an hour': TARGET_FAULTS['asks for an hour'],
  'breaks the connection': { reply: { kind: 'broken' }, takes: 10 },
  'answers nonsense': { reply: { kind: 'invalid' }, takes: 10 },
  'answers too much': { reply: { kind: 'tooLarge' }, takes: 10 },
  'points elsewhere': TARGET_FAULTS['points elsewhere'],
  'says nothing': TARGET_FAULTS['says nothing'],
} as const satisfies Readonly<Record<string, TargetFault>>;

/** What becomes of the code of a step: whether it does what it does, and what comes of it all the same. */
export interface CodeFault {
  readonly acts: boolean;
  readonly ends: 'throws' | 'never';
}

const CODE_FAULTS = {
  'throws before it has done anything': { acts: false, ends: 'throws' },
  'throws when it has done all': { acts: true, ends: 'throws' },
  'does all and never ends': { acts: true, ends: 'never' },
} as const satisfies Readonly<Record<string, CodeFault>>;

const INVOCATION_FAULTS = {
  'reaches no function': { kind: 'burned' },
  'reaches an outdated function': { kind: 'outdated' },
} as const satisfies Readonly<Record<string, InvocationFault>>;

/** What can be struck, and what a fault of each is called. */
const FAULTS = {
  read: READ_FAULTS,
  write: WRITE_FAULTS,
  message: MESSAGE_FAULTS,
  target: TARGET_FAULTS,
  lookup: LOOKUP_FAULTS,
  code: CODE_FAULTS,
  invocation: INVOCATION_FAULTS,
  acknowledgement: { 'is lost': true },
} as const;
type Kind = keyof typeof FAULTS;

/** A deed of an operator at that very moment; on every call of a port. */
const CANCEL = 'is where an operator cancels';

/** One moment at which something can go wrong, in the order of a run. */
export interface Point {
  readonly kind: Kind;
  readonly what: string;
}

const BEFORE: Partial<Readonly<Record<Kind, string>>> = {
  target: 'target ',
  lookup: 'a lookup at target ',
  code: 'the code of ',
};

/** A moment in words: "target a". */
export const describePoint = ({ kind, what }: Point): string => `${BEFORE[kind] ?? ''}${what}`;

/** A fault at the point of that number, counted from 0. */
export interface Planned {
  readonly at: number;
  readonly fault: string;
}

/** Every fault that can strike these points, from a number on. */
export const alternatives = (points: readonly Point[], from: number): readonly Planned[] =>
  points.slice(from).flatMap(({ kind }, index) => {
    const own = Object.keys(FAULTS[kind]);
    const all = kind === 'read' || kind === 'write' ? [...own, CANCEL] : own;
    return all.map((fault) => ({ at: from + index, fault }));
  });

/** Every fault that can strike the lookups among these points, from a number on. */
export const alternativesOfLookups = (points: readonly Point[], from: number): readonly Planned[] =>
  alternatives(points, from).filter(({ at }) => points[at]?.kind === 'lookup');

/** What such moments are, with the faults of each kind. */
export const faultsByKind = (points: readonly Point[]): readonly (readonly [string, readonly string[]])[] =>
  [...new Set(points.map(({ kind }) => kind))].map((kind) => {
    const those = points.filter((point) => point.kind === kind);
    const faults = alternatives(those.slice(0, 1), 0).map(({ fault }) => fault);
    return [[...new Set(those.map(describePoint))].join(', '), faults];
  });

/** Chaos that can strike the code of a step, too, and tells a lookup from a call that may act. */
export interface PlannedChaos extends Chaos {
  lookup(target: string): TargetFault;
  code(step: string): CodeFault | undefined;
}

/**
 * Nothing goes wrong but what is planned.
 * @param points filled with every moment that comes
 * @param trace given each moment with its number, by which a plan names it
 */
export function plannedChaos(
  plan: readonly Planned[],
  points: Point[],
  cancel: () => void,
  trace: (line: () => string) => void,
): PlannedChaos {
  const here = (kind: Kind, what: string): string | undefined => {
    const at = points.length;
    points.push({ kind, what });
    const fault = plan.find((planned) => planned.at === at)?.fault;
    trace(() => `#${at} ${describePoint({ kind, what })}${fault === undefined ? '' : ` ${fault}`}`);
    if (fault !== CANCEL) return fault;
    cancel();
    return undefined;
  };
  return {
    port: (call) => {
      if (READS.has(call)) return of(READ_FAULTS, here('read', call)) ?? QUICK;
      return of(WRITE_FAULTS, here('write', call)) ?? QUICK;
    },
    message: () => of(MESSAGE_FAULTS, here('message', 'a message')) ?? { kind: 'sent', delay: 0 },
    invocation: () => of(INVOCATION_FAULTS, here('invocation', 'a receive')) ?? { kind: 'none' },
    undeployed: () => undefined,
    gathers: () => 0,
    losesAll: () => undefined,
    acknowledgementLost: () => here('acknowledgement', 'a deletion') !== undefined,
    target: (name) => of(TARGET_FAULTS, here('target', name)) ?? GOOD,
    lookup: (name) => of(LOOKUP_FAULTS, here('lookup', name)) ?? GOOD,
    code: (step) => of(CODE_FAULTS, here('code', step)),
    torn: () => undefined,
    skew: () => 0,
    isMissing: () => false,
    isLeftOver: () => false,
    reconcilerLate: () => 0,
    reconcilerAgain: () => undefined,
  };
}

const of = <Fault>(faults: Readonly<Record<string, Fault>>, name: string | undefined): Fault | undefined =>
  name === undefined ? undefined : faults[name];

/** What is wrong with a plan, now that its moments have come: a fault that was never there would prove nothing. */
export const planProblems = (plan: readonly Planned[], points: readonly Point[]): readonly string[] =>
  plan.flatMap(({ at, fault }) => {
    const point = points[at];
    if (point === undefined) return [`moment ${at} never came: the last was ${points.length - 1}`];
    const known = alternatives([point], 0).map((alternative) => alternative.fault);
    return known.includes(fault)
      ? []
      : [`moment ${at} is ${point.what}, which has no fault "${fault}"; there are: ${known.join('; ')}`];
  });

/** A plan in words: "7 loses its reply, 12 is lost". */
export const describePlan = (plan: readonly Planned[]): string =>
  plan.map(({ at, fault }) => `${at} ${fault}`).join(', ');

/** The words are no plan; the message says why. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
}

/** The plan in such words. Errors: `PlanError` where a fault has no moment, or a moment two faults. */
export function readPlan(text: string): readonly Planned[] {
  const plan: Planned[] = [];
  for (const part of text.split(',').map((words) => words.trim())) {
    const [, number, fault] = /^(\d{1,9}) (.+)$/.exec(part) ?? [];
    if (number === undefined || fault === undefined) {
      throw new PlanError(`"${part}" is not the number of a moment and its fault: "7 loses its reply", say`);
    }
    const at = Number(number);
    if (plan.some((planned) => planned.at === at)) throw new PlanError(`moment ${at} is given twice`);
    plan.push({ at, fault });
  }
  return plan;
}
