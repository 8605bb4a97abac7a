import type { ChainDefinition, LookupDefinition, StepDefinition } from '../../../lib/chain/definition.ts';
import { findStep } from '../../../lib/chain/graph.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../../lib/engine/state.ts';
import type { Ended } from './ending.ts';

/**
 * What a thing that went wrong breaks: a promise to users, or a rule of the protocol alone, by which the promises are kept.
 * A rule may be broken without harm, where another one makes good for it.
 */
export interface Problem {
  readonly breaks: 'promise' | 'protocol';
  readonly what: string;
}

export const against = (what: string): Problem => ({ breaks: 'protocol', what });
export const harmful = (what: string): Problem => ({ breaks: 'promise', what });

/** What is known of one claim of a step. */
export interface SeenClaim {
  readonly token: string;
  /** How many loads had begun, of all workers, when the load began from which it was decided. */
  readonly loadedAt: number;
  readonly leaseUntil?: number | undefined;
  /** The item that it took the place of. */
  readonly before: StepRecord | undefined;
  /** A process that began anew has taken this attempt back: it may not do so twice. */
  readonly takenBack?: true;
}

/** A lookup that was claimed: when, in milliseconds since 1970, and how many claims of its step there had been. */
export interface Asked {
  readonly at: number;
  readonly claimed: number;
}

/** In milliseconds: the latest that any clock says, and by how much two of them may differ. */
export interface Times {
  readonly now: number;
  readonly skewMs: number;
}

/** What is done of a step: its call, its undo, or its lookup. */
export interface Deed {
  readonly step: string;
  readonly action?: 'undo' | 'lookup' | undefined;
}

/** The name under which all that is known of it is kept: that of the step, where it is its call. */
export const deedOf = ({ step, action }: Deed): string =>
  action === undefined ? step : `the ${action} of ${step}`;

/**
 * One thing that happened to a workflow's items, by its number among all that happened, with what it took the place of. A step without a
 * record has lost its item.
 */
export type Change =
  | { readonly number: number; readonly meta: WorkflowMeta; readonly before: WorkflowMeta | undefined }
  | ({
      readonly number: number;
      readonly record: StepRecord | undefined;
      readonly before: StepRecord | undefined;
    } & Deed);

/** One workflow as the table has it, kept beside the table: every write that happened has been applied to it. */
export interface Shadow {
  readonly chain: ChainDefinition;
  readonly card: string;
  meta: WorkflowMeta;
  /** When it began, was resumed last or was taken back, in milliseconds since 1970. */
  processingSince: number;
  readonly steps: Map<string, StepRecord>;
  /** Of undos, by the steps that they undo. */
  readonly undos: Map<string, StepRecord>;
  /** Of lookups, by the steps that they ask for. */
  readonly lookups: Map<string, StepRecord>;
  /** What was so when a lookup was claimed, by its token. */
  readonly asked: Map<string, Asked>;
  /** Loads that had begun when each step was written last, and claims of it that there were. */
  readonly writtenAt: Map<string, number>;
  readonly claimed: Map<string, number>;
  /** Until when a call under each key may be under way, in milliseconds since 1970. */
  readonly deadlines: Map<string, number>;
  /** Keys of which a lookup said that nothing was done, and never will be: the round has another one since. */
  readonly denied: Set<string>;
  /** Of each claim, by its token. */
  readonly claims: Map<string, SeenClaim>;
  /** Claims by step, epoch and attempt: a claim that was put back gives its number to the next. */
  readonly attempts: Map<string, SeenClaim>;
  /** Keys under which each step's target acted, and that of its undo, each with what it answered: by the names of `deedOf`, as all that follows. */
  readonly effects: Map<string, Map<string, unknown>>;
  /** Keys whose effect was taken back, by a call or by hand. */
  readonly undone: Set<string>;
  /** Keys of steps that acted by a call which outlived its lease: a promise holds for those that do not. */
  readonly stale: Set<string>;
  /** When META turned to `compensating` last, in milliseconds since 1970; undefined where it never did. */
  turnedAt: number | undefined;
  /** What a person who has looked says of calls, and is so: `done` or `notDone` and the key of the call. */
  readonly said: Set<string>;
  /** Operators' requests that take it back, as sent, and how often one was granted; steps that they said to be undone. */
  undosSent: number;
  turned: number;
  readonly saidUndone: Set<string>;
  /** Keys that were said to have had no effect, with the moments at which. */
  readonly unused: Map<string, number>;
  /** How the call of each claim ended, by its token. */
  readonly endings: Map<string, Ended>;
  /** Everything that happened to its items, in order. */
  readonly changes: Change[];
  /** When the first attempt under each key began, in milliseconds since 1970. */
  readonly firstAttempts: Map<string, number>;
  /**
   * Resumes that clients have sent, and those of them that ask for a new key; how often one was granted to each step; rounds
   * that claims of each step began so.
   */
  resumesSent: number;
  newKeysSent: number;
  readonly newKeys: Map<string, number>;
  /** Steps for which a new key was asked for, by their names: the workflow may have failed at another one since. */
  readonly newKeysAsked: Set<string>;
  readonly forced: Map<string, Set<number>>;
  /** Loads that had begun when a cancel was acknowledged. */
  cancelledAt: number | undefined;
  /** When the message of a step that was to be tried again comes back, in milliseconds since 1970. */
  readonly waits: Map<string, number>;
  /** Resumes that were answered 202. */
  resumed: number;
  /** How often a step was queued again for its dead letter, by step and epoch. */
  readonly redrives: Map<string, number>;
  /** Dead letters that were handled, by step and the epoch at that time. */
  readonly deadLetters: Map<string, number>;
  /** Loads that had begun when the first attempt of an epoch began, by step and epoch. */
  readonly ran: Map<string, number>;
  /** Lives of the process that calls ended, by step and epoch. */
  readonly endedLives: Map<string, number>;
  /** Ids that on-call was told, and those that they may be told, with the moments from which on. */
  readonly told: Set<string>;
  readonly toTell: Map<string, number>;
  /** META as it was when it failed, by the same ids. */
  readonly failures: Map<string, WorkflowMeta>;
  /** Those that they must be told still: no resume came first. */
  readonly mustTell: Set<string>;
  /** Writes and loads, for what a workflow costs. Tries are writes that were asked for, whatever came of them. */
  readonly costs: {
    stepWrites: number;
    stepTries: number;
    metaWrites: number;
    metaTries: number;
    loads: number;
    messages: number;
  };
}

export const newShadow = (chain: ChainDefinition, card: string, meta: WorkflowMeta): Shadow => ({
  chain,
  card,
  meta,
  processingSince: meta.createdAt,
  steps: new Map(),
  undos: new Map(),
  lookups: new Map(),
  asked: new Map(),
  writtenAt: new Map(),
  claimed: new Map(),
  deadlines: new Map(),
  denied: new Set(),
  undone: new Set(),
  stale: new Set(),
  turnedAt: undefined,
  undosSent: 0,
  turned: 0,
  said: new Set(),
  saidUndone: new Set(),
  claims: new Map(),
  attempts: new Map(),
  effects: new Map(),
  unused: new Map(),
  endings: new Map(),
  changes: [],
  firstAttempts: new Map(),
  resumesSent: 0,
  newKeysSent: 0,
  newKeys: new Map(),
  newKeysAsked: new Set(),
  forced: new Map(),
  cancelledAt: undefined,
  waits: new Map(),
  resumed: 0,
  redrives: new Map(),
  deadLetters: new Map(),
  ran: new Map(),
  endedLives: new Map(),
  told: new Set(),
  toTell: new Map(),
  failures: new Map(),
  mustTell: new Set(),
  costs: { stepWrites: 0, stepTries: 0, metaWrites: 0, metaTries: 0, loads: 0, messages: 0 },
});

/** Counts one more under a name. */
export const countIn = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

export const keyOf = ({ tenant, workflowId }: WorkflowKey): string => `${tenant}#${workflowId}`;

export const isCompleted = ({ steps }: Shadow, step: string): boolean =>
  steps.get(step)?.status === 'completed';

/** The definition of a step that must be there. */
export function stepOf({ chain }: Shadow, name: string): StepDefinition {
  const step = findStep(chain, name);
  if (step === undefined) throw new Error(`${chain.name} has no step ${name}`);
  return step;
}

/** The items of what is done of steps: of their calls, of their undos, or of their lookups. */
export const recordsIn = (
  { steps, undos, lookups }: Pick<Shadow, 'steps' | 'undos' | 'lookups'>,
  { action }: Pick<Deed, 'action'>,
): Map<string, StepRecord> => (action === undefined ? steps : action === 'undo' ? undos : lookups);

/** How it is done: of a step as it is defined, of its undo, or of its lookup. */
export function callOf(shadow: Shadow, { step, action }: Deed): StepDefinition {
  const definition = stepOf(shadow, step);
  if (action === undefined) return definition;
  const known = made[action].get(definition);
  if (known !== undefined) return known;
  const other = definition[action];
  if (other === undefined) throw new Error(`${step} has no ${action}`);
  const { request: _, run: __, reply: ___, ...place } = definition;
  // What a lookup answers is looked at elsewhere.
  const call: StepDefinition =
    'keyLifetime' in other ? { ...place, ...other } : { ...place, ...unread(other) };
  made[action].set(definition, call);
  return call;
}

const unread = ({ reply: _, ...lookup }: LookupDefinition) => lookup;

const made = {
  undo: new WeakMap<StepDefinition, StepDefinition>(),
  lookup: new WeakMap<StepDefinition, StepDefinition>(),
};

/** The idempotency key under which it is done. */
export const keyOfCall = (
  { meta }: Shadow,
  { step, action, round }: Deed & Pick<StepRecord, 'round'>,
): string => `${meta.workflowId}:${step}:${action ?? 'do'}:${round}`;

/** The parts of an idempotency key: `<workflowId>:<step>:<action>:<round>`. */
export function partsOf(idempotencyKey: string): Deed & { readonly workflowId: string } {
  const [workflowId = '', step = '', action] = idempotencyKey.split(':');
  return { workflowId, step, action: action === 'undo' || action === 'lookup' ? action : undefined };
}
