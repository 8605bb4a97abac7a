import type { Reply } from '../../lib/testing/faults/chaos.ts';
import type { Chaos } from './faults/chaos.ts';
import type { Oracle } from './oracle/oracle.ts';

/** What happened in a schedule, or in many. */
export type Counts = ReturnType<typeof noCounts>;

export const noCounts = () => ({
  schedules: 0,
  workflows: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  compensated: 0,
  compensationsFailed: 0,
  pastPivot: 0,
  undos: 0,
  undosOfNothing: 0,
  lookups: 0,
  foundDone: 0,
  foundNotDone: 0,
  foundNothingOut: 0,
  saidDone: 0,
  saidNotDone: 0,
  resumes: 0,
  newKeys: 0,
  effects: 0,
  portCalls: 0,
  failedCalls: 0,
  slowCalls: 0,
  lostReplies: 0,
  lateWrites: 0,
  tornLoads: 0,
  crashes: 0,
  crashesBefore: 0,
  crashesSent: 0,
  timeouts: 0,
  staleWorkers: 0,
  wrongClocks: 0,
  kills: 0,
  stops: 0,
  putBacks: 0,
  batches: 0,
  lostMessages: 0,
  duplicates: 0,
  lateMessages: 0,
  burnedReceives: 0,
  lostDeletions: 0,
  emptiedQueues: 0,
  parked: 0,
  movedDeadLetters: 0,
  poisoned: 0,
  outdatedFunctions: 0,
  changedFunctions: 0,
  outdatedRequests: 0,
  outdatedRuns: 0,
  repeatedRuns: 0,
  lateRuns: 0,
  leftOvers: 0,
  missingDue: 0,
  unreachable: 0,
  refusals: 0,
  repeatedCalls: 0,
  brokenReplies: 0,
  silence: 0,
  nonsense: 0,
  slowReplies: 0,
  lateEffects: 0,
});

/** What is counted, in its order. */
export const namesOf = <Of extends object>(counts: Of): readonly (keyof Of & string)[] =>
  Object.keys(counts).filter((name): name is keyof Of & string => Object.hasOwn(counts, name));

export const COUNTED = namesOf(noCounts());

export function addCounts(sum: Counts, counts: Counts): void {
  for (const name of COUNTED) sum[name] += counts[name];
}

/** The same oracle: what only a worker knows of itself is counted by what it tells. */
export const countingEvents = (oracle: Oracle, counts: Counts): Oracle => ({
  ...oracle,
  emitted: (event, caller) => {
    if (event.event === 'claim_put_back') counts.putBacks += 1;
    if (event.event === 'message_parked') counts.parked += 1;
    oracle.emitted(event, caller);
  },
});

/** A call of a port that takes longer is slow, in milliseconds. */
const SLOW_MS = 1_000;

/** What the replies of targets that are not good count as. */
const REPLIES: Readonly<Record<Reply['kind'], keyof Counts | undefined>> = {
  good: undefined,
  unreachable: 'unreachable',
  status: 'refusals',
  broken: 'brokenReplies',
  never: 'silence',
  invalid: 'nonsense',
  tooLarge: 'nonsense',
  redirect: 'nonsense',
};

/** The same faults, counted. */
export const counting = (chaos: Chaos, counts: Counts): Chaos => ({
  ...chaos,
  port: (call, worker) => {
    const fault = chaos.port(call, worker);
    counts.portCalls += 1;
    if (fault.kind.startsWith('crash')) counts.crashes += 1;
    if (fault.kind === 'crashBefore') counts.crashesBefore += 1;
    if (fault.kind === 'crashSent') counts.crashesSent += 1;
    if (fault.there + fault.back > SLOW_MS) counts.slowCalls += 1;
    if (fault.kind === 'lose') counts.lostReplies += 1;
    if (fault.kind === 'fail') counts.failedCalls += 1;
    if (fault.kind === 'late') counts.lateWrites += 1;
    // Nobody but the reconciler deletes messages by itself.
    if (call === 'acknowledge') counts.movedDeadLetters += 1;
    return fault;
  },
  message: () => {
    const fault = chaos.message();
    if (fault.kind === 'lost') counts.lostMessages += 1;
    if (fault.again !== undefined) counts.duplicates += 1;
    if (fault.delay > 0) counts.lateMessages += 1;
    return fault;
  },
  invocation: (step) => {
    const fault = chaos.invocation(step);
    if (fault.kind === 'burned') counts.burnedReceives += 1;
    if (fault.kind === 'outdated') counts.outdatedFunctions += 1;
    if (fault.kind === 'changed') counts.changedFunctions += 1;
    return fault;
  },
  undeployed: (part) => {
    const undeployed = chaos.undeployed(part);
    if (undeployed !== undefined) counts[part === 'api' ? 'outdatedRequests' : 'outdatedRuns'] += 1;
    return undeployed;
  },
  isMissing: () => {
    const missing = chaos.isMissing();
    if (missing) counts.missingDue += 1;
    return missing;
  },
  isLeftOver: () => {
    const left = chaos.isLeftOver();
    if (left) counts.leftOvers += 1;
    return left;
  },
  acknowledgementLost: () => {
    const lost = chaos.acknowledgementLost();
    if (lost) counts.lostDeletions += 1;
    return lost;
  },
  target: (name, timeoutMs) => {
    const fault = chaos.target(name, timeoutMs);
    const reply = REPLIES[fault.reply.kind];
    if (fault.reply.kind === 'status' && fault.reply.repeated) counts.repeatedCalls += 1;
    if (reply !== undefined) counts[reply] += 1;
    else if (fault.takes >= timeoutMs) counts.slowReplies += 1;
    if ((fault.effect ?? 0) > timeoutMs) counts.lateEffects += 1;
    return fault;
  },
  skew: () => {
    const skew = chaos.skew();
    if (skew !== 0) counts.wrongClocks += 1;
    return skew;
  },
  torn: () => {
    const torn = chaos.torn();
    if (torn !== undefined) counts.tornLoads += 1;
    return torn;
  },
  reconcilerLate: () => {
    const late = chaos.reconcilerLate();
    if (late > 0) counts.lateRuns += 1;
    return late;
  },
});
