import type { ChainDefinition } from '../chain/definition.ts';
import { shapeHash } from '../chain/shape.ts';
import { DAY_MS, LIMITS } from '../contract/limits.ts';
import { type Action, STEP_FAILED, stepQueue } from '../contract/names.ts';
import type { StepMessage } from '../contract/wire.ts';
import { EngineError } from './errors.ts';
import { unsealed, withoutSensitive } from './fingerprint.ts';
import type { MetaExpectation, Outgoing, Ports, StepExpectation, Written } from './ports.ts';
import { hidesResults } from './sensitive/results.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta, WorkflowState } from './state.ts';

/** The chains that a deployment knows. */
export interface Chains {
  find(name: string, version: number): ChainDefinition | undefined;
  /** Every step that has queues. */
  readonly places: readonly { readonly chain: string; readonly step: string }[];
}

/**
 * The definition that a workflow began with; undefined where this deployment does not know its version, or has other steps under it.
 */
export function definitionOf(chains: Chains, meta: WorkflowMeta): ChainDefinition | undefined {
  const chain = chains.find(meta.chain, meta.version);
  const { shape } = meta;
  return chain === undefined || shape === undefined || shape === shapeHash(chain) ? chain : undefined;
}

/** Why nothing of a workflow can run here, and what to do. */
export interface Undeployed {
  readonly message: string;
  readonly next: string;
}

/** Why `definitionOf` finds none. */
export function whyUndeployed(chains: Chains, { chain, version }: WorkflowMeta): Undeployed {
  if (chains.find(chain, version) === undefined) {
    return {
      message: `this deployment does not know ${chain} version ${version}`,
      next: `Deploy the chain ${chain} with its version ${version} beside the newer ones.`,
    };
  }
  return {
    message: `the steps of ${chain} version ${version} are not those that this workflow began with`,
    next: `Deploy version ${version} as it was, and the changed chain under a version of its own.`,
  };
}

/**
 * The chains, and as much of the outside world as a part of the protocol uses: a function that never calls a target
 * needs no HTTP client.
 * @typeParam Used names of the ports
 */
export interface Engine<Used extends keyof Ports = keyof Ports> {
  readonly ports: Pick<Ports, Used>;
  readonly chains: Chains;
}

/**
 * META and its steps. A query reads one item after another and is no snapshot: beside a step that was claimed after a resume
 * it may bring META of before it, by which the step's attempts, and its key, would be taken for older ones; or a completed META
 * beside a step as it was before; or META of before a compensation beside a step that this has closed, an undo, or a lookup before one. Then it is asked again.
 * Errors: the store's own; `STORE_UNAVAILABLE` if it never becomes right.
 */
export async function loadState(
  { store }: Pick<Ports, 'store'>,
  key: WorkflowKey,
): Promise<WorkflowState | undefined> {
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    const state = await store.load(key);
    if (state === undefined || !isTorn(state)) return state;
  }
  throw new EngineError('STORE_UNAVAILABLE', `META of ${key.workflowId} stays behind its steps`);
}

const isTorn = ({ meta, steps, undos, lookups }: WorkflowState): boolean => {
  const before = meta.status === 'processing' || meta.status === 'failed';
  for (const { epoch, status } of steps.values()) {
    if (epoch > meta.epoch || (meta.status === 'completed' && status !== 'completed' && status !== 'skipped'))
      return true;
    if (before && status === 'cancelled') return true;
  }
  for (const { epoch } of undos?.values() ?? []) if (before || epoch > meta.epoch) return true;
  for (const { epoch, before: of } of lookups?.values() ?? []) {
    if (epoch > meta.epoch || (meta.status === 'processing' && of === 'undo' && epoch === meta.epoch))
      return true;
  }
  return false;
};

/** How often a message has come back from the dead, and how many attempts of its step had been claimed by then. */
export type Trips = Pick<StepMessage, 'trip' | 'claimed'>;

/** What is done for a workflow of this status, whatever a message asks. */
const actionOf = ({ status }: WorkflowMeta): Action =>
  status === 'compensating' || status === 'compensation_failed' ? 'undo' : 'do';

/**
 * The message that asks for `step`, or its undo, in the workflow's present epoch.
 * @param trips of the message that it goes on from: whoever handles it must not send it round for ever
 */
export const messageFor = (
  meta: WorkflowMeta,
  step: string,
  { trip, claimed }: Trips = { trip: 0 },
): StepMessage => ({
  tenant: meta.tenant,
  workflowId: meta.workflowId,
  chain: meta.chain,
  version: meta.version,
  step,
  action: actionOf(meta),
  epoch: meta.epoch,
  trip,
  ...(claimed === undefined ? {} : { claimed }),
});

/** A message that a stuck workflow needs, and why. */
export interface Repair {
  readonly why: string;
  readonly outgoing: Outgoing;
}

/** The message, addressed to its step's queue. */
export const toStep = (message: StepMessage): Outgoing => ({ to: stepQueue(message), message });

/** The message as a dead letter, addressed to the step-failed function. */
export const toStepFailed = (message: StepMessage): Outgoing => ({ to: STEP_FAILED, message });

/** The same workflow with its sensitive input gone, and the key to what else could give it away: to the seals of its results and requests. */
export function erase({ requestKey: _, ...meta }: WorkflowMeta, sensitive: readonly string[]): WorkflowMeta {
  return {
    erased: true,
    ...meta,
    input: withoutSensitive(meta.input, sensitive),
    ...(meta.fingerprint === undefined ? {} : { fingerprint: unsealed(meta.fingerprint) }),
  };
}

/** What of a workflow's input is sensitive. Where nobody knows its chain, all of it is. */
export const sensitiveOf = (
  chain: ChainDefinition | undefined,
  { input }: WorkflowMeta,
): readonly string[] =>
  chain === undefined ? Object.keys(input) : chain.sensitive.filter((name) => Object.hasOwn(input, name));

/** Whether anything of a workflow is to be erased when it ends. */
export const isSensitive = (chain: ChainDefinition | undefined, meta: WorkflowMeta): boolean =>
  sensitiveOf(chain, meta).length > 0 || (chain !== undefined && hidesResults(chain));

/**
 * When the sensitive input of a failed workflow is erased, in milliseconds since 1970; undefined where there is none.
 * META is not changed between the failure and then, except when on-call is told.
 */
export function eraseAt(chain: ChainDefinition | undefined, meta: WorkflowMeta): number | undefined {
  if (meta.erased || !isSensitive(chain, meta)) return undefined;
  return meta.updatedAt + (chain?.keepFailed ?? LIMITS.keepFailed) * DAY_MS;
}

/**
 * The same workflow once on-call was told of its failure: the reconciler has its sensitive input left to erase, if any, or watches it being
 * taken back.
 */
export function told(chain: ChainDefinition | undefined, meta: WorkflowMeta): WorkflowMeta {
  if (meta.status === 'compensating') {
    const { notify: _, ...rest } = meta;
    return rest;
  }
  const { notify: _, ...rest } = undue(meta);
  const dueAt = eraseAt(chain, meta);
  return dueAt === undefined ? rest : { ...rest, dueAt };
}

/** The same workflow with nothing left for the reconciler. */
export function undue(meta: WorkflowMeta): WorkflowMeta {
  const { dueAt: _at, dueAfter: _after, ...rest } = meta;
  return rest;
}

/**
 * Writes a step's item if it still is what was decided from. A reply that was lost is asked for once more, and a failed
 * condition that finds my own token in the state I wanted was my own write.
 * @returns whether the table now holds `record`
 */
export async function saveStep(
  { store }: Pick<Ports, 'store'>,
  { meta }: WorkflowState,
  record: StepRecord,
  expected: StepExpectation,
): Promise<boolean> {
  let written: Written<StepRecord>;
  try {
    written = await store.writeStep(meta, record, expected, meta.expiresAt);
  } catch {
    written = await store.writeStep(meta, record, expected, meta.expiresAt);
  }
  if (written.written) return true;
  return written.current?.token === record.token && written.current.status === record.status;
}

/**
 * Writes META if status and epoch still are what was decided from.
 * @returns whether this very write happened; `nonce` tells own writes of cancel and resume from another's
 */
export async function saveMeta(
  { store }: Pick<Ports, 'store'>,
  meta: WorkflowMeta,
  expected: MetaExpectation,
): Promise<boolean> {
  const write = () => store.writeMeta(meta, expected);
  const written = await write().catch(write);
  if (written.written) return true;
  const { current } = written;
  return (
    current?.status === meta.status &&
    current.epoch === meta.epoch &&
    current.nonce === meta.nonce &&
    current.dueAt === meta.dueAt &&
    current.updatedAt === meta.updatedAt &&
    // Two branches may fail in the same millisecond.
    current.error?.step === meta.error?.step &&
    current.undoError?.step === meta.undoError?.step
  );
}

/**
 * `object` itself, with `more` in it. As `{ ...object, ...more }`, but that costs 2 µs in Node 20, which makes a hidden class of its own for each
 * copy that gets a further name, and reads from it are slow: this is for what every step does.
 */
export const added = <Of extends object, const More extends object>(object: Of, more: More): Of & More =>
  Object.assign(object, more);

/** The identifiers that every event of a workflow carries. */
export const idsOf = (ids: {
  readonly tenant: string;
  readonly workflowId: string;
  readonly chain: string;
}): { tenant: string; workflowId: string; chain: string } => ({
  tenant: ids.tenant,
  workflowId: ids.workflowId,
  chain: ids.chain,
});
