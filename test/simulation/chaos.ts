import type { Chance } from './chance.ts';
import type { Rates } from './rates.ts';
import type { AwsService, RequestFault } from './request-faults.ts';

/** Calls of ports that go over a network: each may be late, fail, lose its reply, or be the last thing a worker does. */
export const PORT_CALLS = [
  'create',
  'load',
  'writeMeta',
  'writeStep',
  'list',
  'listDue',
  'send',
  'park',
  'setVisibility',
  'notify',
  'resolve',
] as const;
export type PortCall = (typeof PORT_CALLS)[number];

/**
 * `fail`: not done, and the caller is told so. `lose`: done, and the caller is told that it failed. `crashBefore`: the
 * worker dies and sends nothing. `crashSent`: the worker dies, and what it sent is done all the same, perhaps much later.
 * `crashAfter`: done, and the worker dies before it hears of it.
 */
export const PORT_FAULTS = ['none', 'fail', 'lose', 'crashBefore', 'crashSent', 'crashAfter'] as const;
export interface PortFault {
  readonly kind: (typeof PORT_FAULTS)[number];
  /** Milliseconds until it is done, and from then until the caller hears of it. */
  readonly there: number;
  readonly back: number;
}

/** What becomes of one message on its way into a queue. `again`: a second copy comes that many milliseconds after the first. */
export interface MessageFault {
  readonly kind: 'sent' | 'lost';
  readonly delay: number;
  readonly again?: number;
}

/**
 * How a target takes a call. `effect`: milliseconds until it acts, if it does; a target acts once for each key. `reply`:
 * what the caller gets, that many milliseconds after the call unless its deadline comes first.
 */
export interface TargetFault {
  readonly effect?: number;
  readonly reply: Reply;
  readonly takes: number;
}

export type Reply =
  | { readonly kind: 'good' | 'invalid' | 'tooLarge' | 'redirect' | 'never' | 'unreachable' | 'broken' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string };

/** `after`: milliseconds between the two. */
export interface TornLoad {
  readonly after: number;
  readonly metaFirst: boolean;
}

/** A receive that reaches no function, or one of an older deployment; a function that is to die at a moment of its own. */
export interface InvocationFault {
  readonly kind: 'none' | 'burned' | 'outdated';
  readonly diesAfter?: number;
}

/** Everything that may go wrong, decided one call at a time. */
export interface Chaos {
  port(call: PortCall): PortFault;
  message(): MessageFault;
  /** @param step undefined for the function on the dead-letter queues */
  invocation(step?: string): InvocationFault;
  /** Whether the deletion of a message that was handled is lost. */
  acknowledgementLost(): boolean;
  target(name: string, timeoutMs: number): TargetFault;
  /** Milliseconds by which the clock of a worker is wrong. */
  skew(): number;
  /** Whether a workflow that is due is missing in an answer of the due index. */
  isMissing(): boolean;
  /** Milliseconds by which a run of the reconciler is late. */
  reconcilerLate(): number;
  /** How a load reads META at one moment and the steps at another; undefined where it reads all at once. */
  torn(): TornLoad | undefined;
  /** One request of the AWS SDK, where the real adapters are below the ports. */
  request?(service: AwsService, operation: string): RequestFault;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Faults at the rates of a schedule, until they stop. */
export function randomChaos(chance: Chance, rates: Rates, now: () => number): Chaos {
  const over = (): boolean => now() >= rates.stopAt;
  const quick = (): number => chance.whole(1, 20);
  const travel = (): number =>
    chance.happens(rates.slow) ? Math.round(chance.magnitude(100, 2 * MINUTE)) : quick();
  return {
    port: (call) => {
      if (over()) return { kind: 'none', there: quick(), back: quick() };
      // A write that outlives its worker may be very late.
      const sent = () => Math.round(chance.magnitude(1, 10 * MINUTE));
      if (chance.happens(rates.crashSent)) return { kind: 'crashSent', there: sent(), back: 0 };
      if (chance.happens(rates.crashBefore)) return { kind: 'crashBefore', there: 0, back: 0 };
      const there = travel();
      const back = travel();
      if (chance.happens(rates.fail)) return { kind: 'fail', there, back };
      if (chance.happens(rates.lose)) return { kind: call === 'load' ? 'fail' : 'lose', there, back };
      return { kind: 'none', there, back };
    },
    message: () => {
      if (over()) return { kind: 'sent', delay: 0 };
      if (chance.happens(rates.messageLost)) return { kind: 'lost', delay: 0 };
      const late = () => Math.round(chance.magnitude(10, 30 * MINUTE));
      return {
        kind: 'sent',
        delay: chance.happens(rates.messageLate) ? late() : 0,
        ...(chance.happens(rates.messageTwice) ? { again: late() } : {}),
      };
    },
    invocation: (step = '') => {
      if (over()) return { kind: 'none' };
      const throttled = now() < (rates.throttles.get(step) ?? 0);
      if (throttled || chance.happens(rates.burned)) return { kind: 'burned' };
      const kind = now() < (rates.outdated.get(step) ?? 0) ? 'outdated' : 'none';
      return chance.happens(rates.workerDies)
        ? { kind, diesAfter: Math.round(chance.magnitude(1, MINUTE)) }
        : { kind };
    },
    acknowledgementLost: () => !over() && chance.happens(rates.acknowledgementLost),
    target: (name, timeoutMs) => targetFault(chance, rates, { name, timeoutMs, now: now(), over: over() }),
    skew: () => (over() || rates.skewMs === 0 ? 0 : chance.whole(-rates.skewMs, rates.skewMs)),
    torn: () =>
      !over() && chance.happens(rates.torn)
        ? { after: Math.round(chance.magnitude(10, 5 * MINUTE)), metaFirst: chance.happens(0.8) }
        : undefined,
    isMissing: () => !over() && chance.happens(rates.staleIndex),
    reconcilerLate: () => (over() ? 0 : Math.round(rates.reconcilerLateMs * chance.fraction())),
  };
}

interface Called {
  readonly name: string;
  readonly timeoutMs: number;
  readonly now: number;
  readonly over: boolean;
}

const REFUSALS = [400, 401, 403, 404, 410, 422];
const LATER = [408, 409, 425, 429, 500, 502, 503, 504];
const RETRY_AFTER = ['0', '1', '30', '7200', '-1', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT'];

function targetFault(chance: Chance, rates: Rates, { name, timeoutMs, now, over }: Called): TargetFault {
  // In a calm schedule branches end together at times.
  const takes = rates.calm && rates.inStep ? 50 : chance.whole(1, 300);
  if (over) return { effect: takes, reply: { kind: 'good' }, takes };
  const { target } = rates;
  if (now < (rates.outages.get(name) ?? 0) || chance.happens(target.unreachable)) {
    return { reply: { kind: 'unreachable' }, takes };
  }
  // A refusal is one of this call: what an earlier call under the key did stands.
  if (chance.happens(target.refuses))
    return { reply: { kind: 'status', status: chance.pick(REFUSALS) }, takes };
  const acts = chance.happens(0.5) ? { effect: takes } : {};
  if (chance.happens(target.later)) {
    const retryAfter = chance.happens(0.3) ? { retryAfter: chance.pick(RETRY_AFTER) } : {};
    return { ...acts, reply: { kind: 'status', status: chance.pick(LATER), ...retryAfter }, takes };
  }
  if (chance.happens(target.breaks)) return { ...acts, reply: { kind: 'broken' }, takes };
  if (chance.happens(target.silent)) {
    // It acts before the deadline, after it, or never.
    const effect = Math.round(chance.magnitude(1, 4 * timeoutMs));
    return { ...(chance.happens(0.7) ? { effect } : {}), reply: { kind: 'never' }, takes: 0 };
  }
  if (chance.happens(target.nonsense)) {
    return { ...acts, reply: { kind: chance.pick(['invalid', 'tooLarge', 'redirect'] as const) }, takes };
  }
  const slow = chance.happens(target.slow) ? Math.round(chance.magnitude(takes, 2 * timeoutMs)) : takes;
  return { effect: chance.whole(1, slow), reply: { kind: 'good' }, takes: slow };
}
