import type { Chaos } from './chaos.ts';

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
});

export function addCounts(sum: Counts, counts: Counts): void {
  for (const name of COUNTED) sum[name] += counts[name];
}

/** The same faults, counted. */
export const counting = (chaos: Chaos, counts: Counts): Chaos => ({
  ...chaos,
  port: (call) => {
    const fault = chaos.port(call);
    counts.portCalls += 1;
    if (fault.kind === 'crashBefore' || fault.kind === 'crashSent') counts.crashes += 1;
    if (fault.kind === 'lose') counts.lostReplies += 1;
    if (fault.kind === 'fail') counts.failedCalls += 1;
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
    if (fault.diesAfter !== undefined) counts.crashes += 1;
    return fault;
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
