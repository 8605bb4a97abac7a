import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { findStep } from '../../chain/graph.ts';
import type { StatementName } from '../../contract/names.ts';
import type { ResumeBody } from '../../contract/wire.ts';
import { exactly, interrupted, isChanged, isDone, notBefore, recordOf } from '../decision.ts';
import type { Ports } from '../ports.ts';
import { ProblemError, shownField } from '../problems.ts';
import { build, looking } from '../request/seen.ts';
import { safeUntil } from '../retry.ts';
import { saveStep } from '../shell.ts';
import { iso, recordsOf, type StepRecord, type WorkflowState, withRecord } from '../state.ts';
import { undoing } from '../undo/undoing.ts';
import { closed, isClosed, isLive, needsUndo, undoOf } from '../undo/words.ts';
import { nameOf, type Statements } from './statements.ts';

/**
 * Reads what the resume of a compensation says of steps: a person undid it by hand (`undone`), or its undo is to be called under a new key.
 * Errors: `ProblemError`, where a step cannot be spoken of so, and where an undo would be repeated though its target may have forgotten the key.
 */
export function undoStatementsOf(
  chain: ChainDefinition,
  state: WorkflowState,
  { done, notDone, newKey, steps }: ResumeBody,
  now: number,
): Statements {
  const failed = state.meta.undoError?.step;
  if (done !== undefined || notDone !== undefined) {
    throw refused(
      'done',
      'The workflow is being taken back: say { "steps": { "<step>": { "undone": true } } }, or newKey',
    );
  }
  const said: Statements = new Map(
    newKey && failed !== undefined ? [[failed, { newKey: true }]] : Object.entries(steps ?? {}),
  );
  for (const [name, statement] of said) {
    const step = findStep(chain, name);
    const field = `steps.${shownField(name)}`;
    if (step === undefined) {
      throw refused(field, `Unknown step; the steps are ${chain.steps.map((one) => one.name).join(', ')}`);
    }
    const what = nameOf(statement);
    if (what !== 'undone' && what !== 'newKey') {
      throw refused(field, 'The workflow is being taken back: of a step it can be said undone, or newKey');
    }
    refuseStatus(state, step, what, now);
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

const refused = (field: string, message: string): ProblemError =>
  new ProblemError('INVALID_REQUEST', 'nothing of that kind can be said of the step; see errors', [
    { field, message },
  ]);

function refuseStatus(state: WorkflowState, step: StepDefinition, what: StatementName, now: number): void {
  const { name } = step;
  const undo = undoOf(state, name);
  if (isLive(undo, now) || isLive(state.steps.get(name), now))
    throw new ProblemError('STEP_STATUS', `a call of step ${name} is under way; wait for its end`);
  if (undo?.status === 'completed' && what !== 'undone')
    throw new ProblemError('STEP_STATUS', `the step ${name} is undone already`);
  if (isClosed(state, name) && !needsUndo(state, step))
    throw new ProblemError('STEP_STATUS', `the step ${name} needs no undo`);
}

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
 * Saves what a person undid by hand, each on exactly the state that was loaded.
 * @returns the state with it; undefined where an undo is no longer what was loaded
 */
export async function saveUndone(
  ports: Pick<Ports, 'store' | 'clock' | 'random'>,
  state: WorkflowState,
  said: Statements,
): Promise<WorkflowState | undefined> {
  let saved = state;
  for (const [name, statement] of said) {
    if (nameOf(statement) !== 'undone') continue;
    for (const record of undoneRecords(ports, saved, name)) {
      const expected = exactly(recordsOf(state, record.action ?? 'do').get(name));
      if (!(await saveStep(ports, state, record, expected))) return undefined;
      saved = withRecord(saved, record);
    }
  }
  return saved;
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
