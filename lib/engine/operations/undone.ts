import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { findStep } from '../../chain/graph.ts';
import type { ResumeBody, Statement } from '../../contract/wire.ts';
import { exactly, interrupted, isChanged, isDone, notBefore, recordOf } from '../decision.ts';
import { surelyNot } from '../lookup/decide.ts';
import type { Ports } from '../ports.ts';
import { ProblemError } from '../problems.ts';
import { build, looking } from '../request/seen.ts';
import { safeUntil } from '../retry.ts';
import { saveStep } from '../shell.ts';
import { iso, recordsOf, type StepRecord, type WorkflowState, withRecord } from '../state.ts';
import { isInDoubt } from '../undo/doubt.ts';
import { undoing } from '../undo/undoing.ts';
import { closed, isClosed, isLive, needsUndo, undoOf } from '../undo/words.ts';
import { isResult, type Statements, saveDone, shortOf, unknownStep } from './statements.ts';

/**
 * Reads what the resume of a compensation says of steps: a person undid it by hand (`undone`), or its undo is to be called under a new key, or without
 * asking first. Of a step in doubt whose undo nobody has called yet: it is `done`, with its result, which is then undone; or it is `notDone`, and nothing is.
 * Errors: `ProblemError`, where a step cannot be spoken of so, and where an undo would be repeated though its target may have forgotten the key.
 */
export function undoStatementsOf(
  chain: ChainDefinition,
  state: WorkflowState,
  body: ResumeBody,
  now: number,
): Statements {
  const short = shortOf(body);
  const failed = state.meta.undoError?.step;
  const said: Statements = new Map(
    short !== undefined && failed !== undefined ? [[failed, short]] : Object.entries(body.steps ?? {}),
  );
  for (const [name, statement] of said) {
    const step = findStep(chain, name);
    if (step === undefined) throw unknownStep(chain, name);
    const refusal = refusalOf(state, step, statement, now);
    if (refusal !== undefined) throw new ProblemError('STEP_STATUS', refusal);
  }
  const forgotten = chain.steps.filter((step) => !said.has(step.name) && isForgotten(state, step, now));
  const changed = chain.steps.find((step) => !said.has(step.name) && isOtherRequest(chain, state, step));
  if (changed !== undefined) throw requestChanged(changed);
  const [first] = forgotten;
  if (first === undefined) return said;
  throw new ProblemError(
    'KEY_EXPIRED',
    `an undo may have acted, and could be repeated with the same key only until its target forgets it (${forgotten.map((step) => `${step.name} ${untilOf(state, step)}`).join(', ')}). ` +
      `Look at the target, then say what you know: { "steps": { "${first.name}": { "undone": true } } }, or { "newKey": true } to call again at your own risk`,
  );
}

/** Whether an undo that may have acted would send another request under its key now. */
function isOtherRequest(chain: ChainDefinition, state: WorkflowState, step: StepDefinition): boolean {
  const undo = undoOf(state, step.name);
  if (undo === undefined || undo.open === 0 || undo.status === 'completed' || step.undo === undefined)
    return false;
  const at = { chain, step: undoing(step), state, action: 'undo' } as const;
  return isChanged(undo, build(at, undo.round, looking()));
}

const requestChanged = ({ name }: StepDefinition): ProblemError =>
  new ProblemError(
    'REQUEST_CHANGED',
    `the undo of ${name} may have acted, and would send another request under its key now. ` +
      `Look at the target, then say what you know: { "steps": { "${name}": { "undone": true } } }, or { "newKey": true } to call again at your own risk`,
  );

/** Why that cannot be said of a step; undefined where it can. */
function refusalOf(
  state: WorkflowState,
  step: StepDefinition,
  statement: Statement,
  now: number,
): string | undefined {
  const { name } = step;
  const undo = undoOf(state, name);
  if (isLive(undo, now) || isLive(state.steps.get(name), now))
    return `a call of step ${name} is under way; wait for its end`;
  if (isLive(recordsOf(state, 'lookup').get(name), now))
    return `the target of step ${name} is being asked; wait for its answer`;
  if ('done' in statement || 'notDone' in statement) return refusalOfDeed(state, step, statement);
  if (undo?.status === 'completed' && !('undone' in statement)) return `the step ${name} is undone already`;
  return isClosed(state, name) && !needsUndo(state, step) ? `the step ${name} needs no undo` : undefined;
}

/** Why nobody can say what became of a step's own call. What was said before may be said again: the reply to it may have been lost. */
function refusalOfDeed(state: WorkflowState, step: StepDefinition, statement: Statement): string | undefined {
  const { name } = step;
  const record = state.steps.get(name);
  if (record === undefined) return `the step ${name} was never called, and nothing of it is undone`;
  const undo = undoOf(state, name);
  if (undo !== undefined) {
    const what = undo.status === 'completed' ? 'is undone already' : 'may be undone in part';
    return `the undo of step ${name} was called, and the step ${what}: ${UNDO_SAYINGS}`;
  }
  if (isDone(record)) {
    if ('done' in statement && isResult(statement.done, record, state)) return undefined;
    return `the step ${name} ${needsUndo(state, step) ? `is completed: ${UNDO_SAYINGS}` : 'needs no undo'}`;
  }
  if (isInDoubt(state, name) || 'notDone' in statement) return undefined;
  return `the step ${name} surely did nothing: it cannot be said done`;
}

const UNDO_SAYINGS =
  'of it can be said only that it is undone, or that its undo is to be called under a newKey';

function safeOf(state: WorkflowState, step: StepDefinition): number | undefined {
  const undo = undoOf(state, step.name);
  if (undo === undefined || undo.status === 'completed' || step.undo === undefined) return undefined;
  return safeUntil(undoing(step), undo);
}

function isForgotten(state: WorkflowState, step: StepDefinition, now: number): boolean {
  const until = safeOf(state, step);
  return until !== undefined && now > until && notBefore(undoOf(state, step.name), now) === undefined;
}

const untilOf = (state: WorkflowState, step: StepDefinition): string =>
  step.undo?.keyLifetime === 0 ? 'takes none' : `until ${iso(safeOf(state, step) ?? 0)}`;

/**
 * Saves what a person said of steps, each on exactly the state that was loaded. Errors: `ProblemError`, as `saveDone`.
 * @returns the state with it; undefined where a step, or an undo, is no longer what was loaded
 */
export async function saveUndone(
  ports: Pick<Ports, 'store' | 'clock' | 'random'>,
  chain: ChainDefinition,
  state: WorkflowState,
  said: Statements,
): Promise<WorkflowState | undefined> {
  let saved = await saveDone(ports, chain, state, said);
  for (const [name, statement] of said) {
    if (saved === undefined) return undefined;
    for (const record of recordsSaid(ports, saved, name, statement)) {
      const expected = exactly(recordsOf(state, record.action ?? 'do').get(name));
      if (!(await saveStep(ports, state, record, expected))) return undefined;
      saved = withRecord(saved, record);
    }
  }
  return saved;
}

function recordsSaid(
  ports: Pick<Ports, 'clock' | 'random'>,
  state: WorkflowState,
  name: string,
  statement: Statement,
): readonly StepRecord[] {
  if ('undone' in statement) return undoneRecords(ports, state, name);
  const record = 'notDone' in statement && isInDoubt(state, name) ? state.steps.get(name) : undefined;
  if (record === undefined) return [];
  return [surelyNot(record, { now: ports.clock.now(), token: ports.random.token() })];
}

/** The step is closed first: a worker that loaded before would call it over its undo. */
function undoneRecords(
  { clock, random }: Pick<Ports, 'clock' | 'random'>,
  state: WorkflowState,
  name: string,
): readonly StepRecord[] {
  const now = clock.now();
  const step = state.steps.get(name);
  // By its own record: one of its undo fences nobody off.
  const isOpen = !isClosed({ meta: state.meta, steps: state.steps }, name);
  const closing = isOpen ? [closed(state, name, now, random.token())] : [];
  const undo = undoOf(state, name);
  const didNothing = !isDone(step) && (step?.open ?? 0) === 0;
  if (undo?.status === 'completed' || (undo === undefined && didNothing)) return closing;
  const token = random.token();
  const before = recordOf(state, name, now, token, 'undo');
  const { leaseUntil: _, nextAttemptAt: __, error: ___, ...kept } = before;
  const attempts = interrupted(before, now);
  return [...closing, { ...kept, status: 'completed', token, completedAt: now, updatedAt: now, attempts }];
}
