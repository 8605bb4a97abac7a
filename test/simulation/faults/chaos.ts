import type { WaitHeaders } from '../../../lib/contract/names.ts';
import {
  type Chaos as AnyChaos,
  READS,
  type TargetFault,
  type Undeployed,
} from '../../../lib/testing/faults/chaos.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import { STEP_FAILED } from '../../../lib/testing/world/stage.ts';
import type { Rates } from './rates.ts';
import type { AwsService, RequestFault } from './request.ts';

/** Everything that may go wrong, in requests of the AWS SDK too where the real adapters are below the ports. */
export interface Chaos extends AnyChaos {
  request?(service: AwsService, operation: string): RequestFault;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Faults at the rates of a schedule, until they stop. */
export function randomChaos(chance: Chance, rates: Rates, now: () => number): Chaos {
  const over = (): boolean => now() >= rates.stopAt;
  const quick = (): number => chance.whole(1, 20);
  const travel = (): number =>
    chance.happens(rates.slow) ? Math.round(chance.magnitude(500, 2 * MINUTE)) : quick();
  const within = (least: number, most: number): number => Math.round(chance.magnitude(least, most));
  const undeployed = (part: string): Undeployed | undefined => {
    const until = rates.outdated.get(part) ?? 0;
    if (now() >= until) return undefined;
    return until % 2 === 0 ? 'outdated' : 'changed';
  };
  return {
    port: (call, worker) => {
      // What a client was promised and dies is the reconciler's.
      const isSpared = worker === 'api' && rates.reconciledFrom !== undefined;
      if (over() || isSpared) return { kind: 'none', there: quick(), back: quick() };
      // A write that outlives its worker may be very late.
      if (chance.happens(rates.crashSent))
        return { kind: 'crashSent', there: within(1, 10 * MINUTE), back: 0 };
      if (chance.happens(rates.crashBefore)) return { kind: 'crashBefore', there: 0, back: 0 };
      const there = travel();
      const back = travel();
      if (chance.happens(rates.fail)) return { kind: 'fail', there, back };
      const isRead = READS.has(call);
      if (chance.happens(rates.lose)) {
        // Until a lost reply is missed others may act.
        const missed = !isRead && chance.happens(0.2) ? within(SECOND, MINUTE) : back;
        return { kind: isRead ? 'fail' : 'lose', there, back: missed };
      }
      if (!isRead && chance.happens(rates.late))
        return { kind: 'late', there: back + within(1, MINUTE), back };
      return { kind: 'none', there, back };
    },
    message: () => {
      if (over()) return { kind: 'sent', delay: 0 };
      if (chance.happens(rates.messageLost)) return { kind: 'lost', delay: 0 };
      return {
        kind: 'sent',
        delay: chance.happens(rates.messageLate) ? within(10, 30 * MINUTE) : 0,
        ...(chance.happens(rates.messageTwice) ? { again: within(10, 30 * MINUTE) } : {}),
      };
    },
    invocation: (step = STEP_FAILED) => {
      if (over()) return { kind: 'none' };
      const throttled = now() < (rates.throttles.get(step) ?? 0);
      if (throttled || chance.happens(rates.burned)) return { kind: 'burned' };
      const kind = undeployed(step) ?? 'none';
      return chance.happens(rates.workerDies) ? { kind, diesAfter: within(1, MINUTE) } : { kind };
    },
    undeployed: (part) => (over() ? undefined : undeployed(part)),
    gathers: () => rates.gatherMs,
    losesAll: () => (!over() && chance.happens(rates.queueLost) ? within(1, 10 * MINUTE) : undefined),
    acknowledgementLost: () => !over() && chance.happens(rates.acknowledgementLost),
    target: (name, timeoutMs) => targetFault(chance, rates, { name, timeoutMs, now: now(), over: over() }),
    skew: () => (over() || rates.skewMs === 0 ? 0 : chance.whole(-rates.skewMs, rates.skewMs)),
    torn: () =>
      !over() && chance.happens(rates.torn)
        ? { after: Math.round(chance.magnitude(10, 5 * MINUTE)), metaFirst: chance.happens(0.8) }
        : undefined,
    isMissing: () => !over() && chance.happens(rates.staleIndex),
    isLeftOver: () => !over() && chance.happens(rates.leftOvers),
    reconcilerLate: () =>
      rates.reconciledFrom !== undefined
        ? Math.max(0, rates.reconciledFrom - now())
        : over()
          ? 0
          : Math.round(rates.reconcilerLateMs * chance.fraction()),
    reconcilerAgain: () =>
      !over() && chance.happens(rates.reconcilerTwice) ? within(1, 2 * MINUTE) : undefined,
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
/** They are answered before anything is done. */
const NOT_YET = [403, 425, 429];
const RETRY_AFTER = ['0', '1', '30', '7200', '-1', 'soon', 'Wed, 21 Oct 2020 07:28:00 GMT'];

/** In how many ways a target asks to be called later; a 403 is a refusal unless it does. */
const asks = (now: number): readonly { readonly headers: WaitHeaders; readonly status?: number }[] => {
  const inAMinute = now + MINUTE;
  const spent = (reset: string): WaitHeaders => ({
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': reset,
  });
  return [
    ...RETRY_AFTER.map((value) => ({ headers: { 'retry-after': value } })),
    { headers: { 'retry-after': new Date(inAMinute).toUTCString() } },
    { headers: { ratelimit: '"burst";r=0;t=20, "day";r=7;t=9000' } },
    { headers: spent(String(Math.floor(inAMinute / SECOND))) },
    { headers: spent(String(inAMinute)) },
    { headers: { ...spent('3000'), 'x-ratelimit-remaining': '12' } },
    { status: 403, headers: spent('40') },
    { status: 403, headers: { 'retry-after': '2' } },
  ];
};

function targetFault(chance: Chance, rates: Rates, { name, timeoutMs, now, over }: Called): TargetFault {
  // In a calm schedule branches end together at times.
  const takes = rates.calm && rates.inStep ? 50 : chance.whole(1, 300);
  if (over) return { effect: takes, reply: { kind: 'good' }, takes };
  const { target } = rates;
  if (now < (rates.outages.get(name) ?? 0) || chance.happens(target.unreachable)) {
    return { reply: { kind: 'unreachable' }, takes };
  }
  if (name === rates.undo.doomed || name === rates.undo.refused)
    return { reply: { kind: 'status', status: 422 }, takes };
  // A refusal is one of this call: what an earlier call under the key did stands.
  if (chance.happens(target.refuses)) {
    const status = chance.pick(REFUSALS);
    // One in eight, and nothing is drawn for it.
    return takes % 8 === 0
      ? { effect: takes, reply: { kind: 'status', status, repeated: true }, takes }
      : { reply: { kind: 'status', status }, takes };
  }
  if (chance.happens(rates.undo.late))
    return { effect: timeoutMs + chance.whole(1, 5 * MINUTE), reply: { kind: 'never' }, takes: 0 };
  const acts = chance.happens(0.5) ? { effect: takes } : {};
  if (chance.happens(target.later)) {
    const asked = chance.happens(0.3) ? chance.pick(asks(now)) : {};
    const reply = { kind: 'status' as const, status: chance.pick(LATER), ...asked };
    return { ...(NOT_YET.includes(reply.status) ? {} : acts), reply, takes };
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
