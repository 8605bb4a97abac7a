import type { ChainDefinition } from '../../chain/definition.ts';
import type { StatementName } from '../../contract/names.ts';
import type { CancelBody, ResumeBody, WorkflowAnswer } from '../../contract/wire.ts';
import { nextLook } from '../lateness/lateness.ts';
import { ProblemError } from '../problems.ts';
import { decideRepairs } from '../reconciler.ts';
import { definitionOf, erase, idsOf, sensitiveOf, undue } from '../shell.ts';
import type { WorkflowKey, WorkflowMeta, WorkflowState } from '../state.ts';
import { type ApiEngine, sendOrLeave } from './api-engine.ts';
import { change, deployed, refuseExpiring, withOperation } from './changing.ts';
import { answer } from './read.ts';
import { nameOf, type Statements, saveDone, statementsOf } from './statements.ts';
import { begun, CANCEL_WITH_UNDO, compensatingFrom, takeBack } from './undo.ts';
import { saveUndone, undoStatementsOf } from './undone.ts';

/**
 * Stops a workflow before its next step; a call already under way may finish, and is shown. Closes one that has failed, or that could not be
 * taken back: what stands stays. Either way its sensitive input is erased, and nothing resumes it any more. With `undo` it is taken back.
 */
export async function cancel(
  engine: ApiEngine,
  key: WorkflowKey,
  { reason, undo }: CancelBody = {},
): Promise<WorkflowAnswer> {
  if (undo) return await takeBack(engine, key, CANCEL_WITH_UNDO, reason);
  const nonce = engine.ports.random.token();
  const state = await change(engine, key, nonce, [CANCELLED_FROM, 'cancelled'], ({ meta, ...rest }, now) => {
    // Who closes a failed workflow knows of its failure.
    const { notify: _, ...left } = undue(meta);
    const cancelled: WorkflowMeta = {
      ...erase(left, sensitiveOf(definitionOf(engine.chains, meta), meta)),
      status: 'cancelled',
      operations: withOperation(meta, 'cancel', now, reason),
      nonce,
      updatedAt: now,
    };
    return { ...rest, meta: cancelled };
  });
  engine.ports.telemetry.emit({ ...idsOf(state.meta), event: 'workflow_cancelled' });
  return answer(engine, state);
}

const CANCELLED_FROM = ['processing', 'failed', 'compensation_failed'] as const;

/**
 * Continues a failed workflow from its failed step, or a compensation from its failed undo, in one write of META. What the operator says of
 * steps is saved before: a result that is given, an undo by hand, or ordered with it: a new key.
 */
export async function resume(
  engine: ApiEngine,
  key: WorkflowKey,
  body: ResumeBody = {},
): Promise<WorkflowAnswer> {
  const nonce = engine.ports.random.token();
  let asked: number | undefined;
  const from = ['failed', 'compensation_failed'] as const;
  const state = await change(engine, key, nonce, [from, 'resumed'], async (loaded, now) => {
    asked ??= loaded.meta.epoch;
    // By this very request, perhaps, whose reply was lost: one request resumes once.
    if (loaded.meta.epoch !== asked) throw new ProblemError('WRONG_STATUS', RESUMED_MEANWHILE);
    const chain = resumable(engine, loaded, now);
    const resumed =
      loaded.meta.status === 'failed'
        ? await goOn(engine, chain, loaded, body, now)
        : await takeBackAgain(engine, chain, loaded, body, now);
    return resumed && { ...resumed, meta: { ...resumed.meta, nonce } };
  });
  const { meta } = state;
  const newKey = meta.newKey?.epoch === meta.epoch;
  engine.ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_resumed', epoch: meta.epoch, newKey });
  if (meta.status === 'compensating') return answer(engine, await begun(engine, state));
  const chain = definitionOf(engine.chains, meta);
  const waiting = decideRepairs(chain, state, engine.ports.clock.now(), true);
  await sendOrLeave(
    engine,
    meta,
    waiting.map(({ outgoing }) => outgoing),
  );
  return answer(engine, state);
}

/** The state of a failed workflow that goes on. Undefined where a step has changed meanwhile. */
async function goOn(
  engine: ApiEngine,
  chain: ChainDefinition,
  loaded: WorkflowState,
  body: ResumeBody,
  now: number,
): Promise<WorkflowState | undefined> {
  const said = statementsOf(chain, loaded, body, now);
  const saved = await saveDone(engine.ports, chain, loaded, said);
  if (saved === undefined) return undefined;
  const { error: _, notify: __, ...meta } = undue(loaded.meta);
  const epoch = meta.epoch + 1;
  const resumed: WorkflowMeta = {
    ...meta,
    status: 'processing',
    epoch,
    operations: withOperation(meta, 'resume', now, body.reason, said),
    updatedAt: now,
    // A call that was not done has a key of its own, too: its target may remember that of the last one.
    ...newKeysOf(meta, stepsSaid(said, ['newKey', 'notDone']), epoch),
  };
  const dueAt = nextLook(chain, { ...saved, meta: resumed }, now);
  return { ...saved, meta: { ...resumed, dueAt } };
}

/** The state of a workflow whose compensation goes on. Undefined where an undo has changed meanwhile. */
async function takeBackAgain(
  engine: ApiEngine,
  chain: ChainDefinition,
  loaded: WorkflowState,
  body: ResumeBody,
  now: number,
): Promise<WorkflowState | undefined> {
  const said = undoStatementsOf(chain, loaded, body, now);
  const saved = await saveUndone(engine.ports, chain, loaded, said);
  if (saved === undefined) return undefined;
  const { undoError: _, notify: __, ...meta } = loaded.meta;
  const epoch = meta.epoch + 1;
  const resumed: WorkflowMeta = {
    ...compensatingFrom(meta, now),
    epoch,
    operations: withOperation(meta, 'resume', now, body.reason, said),
    ...newKeysOf(meta, stepsSaid(said, ['newKey']), epoch),
  };
  return { ...saved, meta: resumed };
}

/** The steps of which one of these was said. */
const stepsSaid = (said: Statements, names: readonly StatementName[]): readonly string[] =>
  [...said].filter(([, one]) => names.includes(nameOf(one))).map(([name]) => name);

/** The order that steps, or their undos, use new keys from this epoch on. */
function newKeysOf(
  { newKey: last, newKeys }: WorkflowMeta,
  steps: readonly string[],
  epoch: number,
): Pick<WorkflowMeta, 'newKey' | 'newKeys'> {
  const [first] = steps;
  if (first === undefined) return {};
  const newKey = { step: first, epoch };
  // An order that nobody has claimed yet stands.
  const ordered = { ...newKeys, ...(last === undefined ? {} : { [last.step]: last.epoch }) };
  const others = Object.keys(ordered).filter((name) => name !== first);
  if (steps.length === 1 && others.length === 0) return { newKey };
  return { newKey, newKeys: { ...ordered, ...Object.fromEntries(steps.map((name) => [name, epoch])) } };
}

const RESUMED_MEANWHILE = 'the workflow was resumed meanwhile and has failed again; look at it, then resume';

function resumable(engine: ApiEngine, { meta }: WorkflowState, now: number): ChainDefinition {
  const chain = deployed(engine, meta);
  const expiring = refuseExpiring(meta, now);
  if (expiring !== undefined) throw expiring;
  if (meta.erased) {
    throw new ProblemError(
      'ERASED',
      `the ${erasedOf(chain)} erased, ${chain.keepFailed} days after the failure; cancel this workflow and start a new one`,
    );
  }
  return chain;
}

/** What was erased. All of the input, where its chain was not known at that time. */
function erasedOf({ sensitive, steps }: ChainDefinition): string {
  const results = steps.flatMap((step) => step.sensitive.map((field) => `${step.name}.${field}`));
  const parts = [
    ...(sensitive.length === 0 ? [] : [`sensitive input (${sensitive.join(', ')})`]),
    ...(results.length === 0 ? [] : [`sensitive results (${results.join(', ')})`]),
  ];
  return parts.length === 0 ? 'input was' : `${parts.join(' and ')} ${results.length === 0 ? 'was' : 'were'}`;
}
