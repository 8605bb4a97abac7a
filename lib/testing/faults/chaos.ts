import type { WaitHeaders } from '../../contract/names.ts';

/** Calls of ports that go over a network: each may be late, fail, lose its reply, or be the last thing a worker does. */
export const PORT_CALLS = [
  'create',
  'load',
  'writeMeta',
  'writeStep',
  'list',
  'listDue',
  'loadPace',
  'writePace',
  'send',
  'park',
  'setVisibility',
  'receive',
  'acknowledge',
  'notify',
  'resolve',
] as const;
export type PortCall = (typeof PORT_CALLS)[number];

/** Reads change nothing: one whose reply is lost has failed, and none is done too late. */
export const READS: ReadonlySet<PortCall> = new Set<PortCall>([
  'load',
  'list',
  'listDue',
  'loadPace',
  'resolve',
]);

/**
 * `fail`: not done, and the caller is told so. `lose`: done, and the caller is told that it failed. `late`: the caller is
 * told that it failed, and it is done afterwards. `crashBefore`: the worker dies and sends nothing. `crashSent`: the worker dies, and what it sent is done all the same, perhaps much later.
 * `crashAfter`: done, and the worker dies before it hears of it.
 */
export const PORT_FAULTS = [
  'none',
  'fail',
  'lose',
  'late',
  'crashBefore',
  'crashSent',
  'crashAfter',
] as const;
export interface PortFault {
  readonly kind: (typeof PORT_FAULTS)[number];
  /** Milliseconds until it is done, and from then until the caller hears of it; of a `late` one both count from the call. */
  readonly there: number;
  readonly back: number;
  /** Milliseconds after the call at which the worker is killed, if it waits or not. */
  readonly killedAfter?: number;
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
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: WaitHeaders;
      /** It answers the second sending of a request whose first was read on a kept connection that broke. */
      readonly repeated?: true;
    };

/** `after`: milliseconds between the two. */
export interface TornLoad {
  readonly after: number;
  readonly metaFirst: boolean;
}

/**
 * A part of a deployment that does not know the chain's version (`outdated`), or knows other steps under it (`changed`).
 */
export type Undeployed = 'outdated' | 'changed';

/** A receive that reaches no function, or one of another deployment; a function that is to die at a moment of its own. */
export interface InvocationFault {
  readonly kind: 'none' | 'burned' | Undeployed;
  readonly diesAfter?: number;
}

/** Everything that may go wrong, decided one call at a time. */
export interface Chaos {
  /** @param worker the name of the one that makes the call: `api` of a client's request */
  port(call: PortCall, worker: string): PortFault;
  message(): MessageFault;
  /** @param step undefined for the step-failed function */
  invocation(step?: string): InvocationFault;
  /** Of which other deployment a part is that is not called by a queue; undefined for the right one. */
  undeployed(part: 'api' | 'reconciler'): Undeployed | undefined;
  /** Milliseconds for which a mapping gathers messages before it calls its function. */
  gathers(): number;
  /** In how many milliseconds the queue that a message was just sent to loses all that is in it; undefined if it does not. */
  losesAll(): number | undefined;
  /** Whether the deletion of a message that was handled is lost. */
  acknowledgementLost(): boolean;
  target(name: string, timeoutMs: number): TargetFault;
  /** Milliseconds by which the clock of a worker is wrong. */
  skew(): number;
  /** Whether a workflow that is due is missing in an answer of the due index. */
  isMissing(): boolean;
  /** Whether an answer of the due index holds a due time that is no longer so. */
  isLeftOver(): boolean;
  /** Milliseconds by which a run of the reconciler is late. */
  reconcilerLate(): number;
  /** How a load reads META at one moment and the steps at another; undefined where it reads all at once. */
  torn(): TornLoad | undefined;
  /** Milliseconds after which the same run is begun a second time; undefined if it is not. */
  reconcilerAgain(): number | undefined;
}
