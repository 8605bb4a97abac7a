import type { Chaos } from './chaos.ts';
import type { Oracle } from './oracle.ts';

/** What happened in a schedule, or in many. */
export type Counts = Record<(typeof COUNTED)[number], number>;

export const COUNTED = [
  'schedules',
  'workflows',
  'completed',
  'failed',
  'cancelled',
  'resumes',
  'effects',
  'portCalls',
  'crashes',
  'lostReplies',
  'failedCalls',
  'lostMessages',
  'duplicates',
  'lateMessages',
  'burnedReceives',
  'targetFaults',
  'lateWrites',
  'timeouts',
  'kills',
  'stops',
  'batches',
  'outdatedFunctions',
  'outdatedRequests',
  'outdatedRuns',
  'repeatedRuns',
  'leftOvers',
  'missingDue',
  'emptiedQueues',
  'putBacks',
  'newKeys',
] as const;

export const noCounts = (): Counts => ({
  schedules: 0,
  workflows: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  resumes: 0,
  effects: 0,
  portCalls: 0,
  crashes: 0,
  lostReplies: 0,
  failedCalls: 0,
  lostMessages: 0,
  duplicates: 0,
  lateMessages: 0,
  burnedReceives: 0,
  targetFaults: 0,
  lateWrites: 0,
  timeouts: 0,
  kills: 0,
  stops: 0,
  batches: 0,
  outdatedFunctions: 0,
  outdatedRequests: 0,
  outdatedRuns: 0,
  repeatedRuns: 0,
  leftOvers: 0,
  missingDue: 0,
  emptiedQueues: 0,
  putBacks: 0,
  newKeys: 0,
});

export function addCounts(sum: Counts, counts: Counts): void {
  for (const name of COUNTED) sum[name] += counts[name];
}

/** The same oracle: what only a worker knows of itself is counted by what it tells. */
export const countingEvents = (oracle: Oracle, counts: Counts): Oracle => ({
  ...oracle,
  emitted: (event, caller) => {
    if (event.event === 'claim_put_back') counts.putBacks += 1;
    oracle.emitted(event, caller);
  },
});

/** The same faults, counted. */
export const counting = (chaos: Chaos, counts: Counts): Chaos => ({
  ...chaos,
  port: (call) => {
    const fault = chaos.port(call);
    counts.portCalls += 1;
    if (fault.kind.startsWith('crash')) counts.crashes += 1;
    if (fault.kind === 'lose') counts.lostReplies += 1;
    if (fault.kind === 'fail') counts.failedCalls += 1;
    if (fault.kind === 'late') counts.lateWrites += 1;
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
    return fault;
  },
  isOutdated: (part) => {
    const outdated = chaos.isOutdated(part);
    if (outdated) counts[part === 'api' ? 'outdatedRequests' : 'outdatedRuns'] += 1;
    return outdated;
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
    // A message that was handled comes again.
    if (lost) counts.duplicates += 1;
    return lost;
  },
  target: (name, timeoutMs) => {
    const fault = chaos.target(name, timeoutMs);
    if (fault.reply.kind !== 'good') counts.targetFaults += 1;
    return fault;
  },
});
