import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { findStep } from '../../chain/graph.ts';
import type { StatementName } from '../../contract/names.ts';
import type { ResumeBody, Statement } from '../../contract/wire.ts';
import { exactly, interrupted, isDone, isReady, notBefore, recordOf } from '../decision.ts';
import { canonical } from '../fingerprint.ts';
import type { Ports } from '../ports.ts';
import { ProblemError, shownField } from '../problems.ts';
import { parseWith, sizeProblem } from '../result.ts';
import { safeUntil } from '../retry.ts';
import { resultOf, sealedRecord } from '../sensitive/results.ts';
import { saveStep } from '../shell.ts';
import { iso, type StepRecord, type WorkflowState } from '../state.ts';

/** What an operator says of steps, by their names. */
export type Statements = ReadonlyMap<string, Statement>;

export const nameOf = (said: Statement): StatementName =>
  'done' in said ? 'done' : 'notDone' in said ? 'notDone' : 'newKey' in said ? 'newKey' : 'undone';

/** What a short form says: of which step, the caller knows. */
export const shortOf = ({ done, notDone, newKey }: ResumeBody): Statement | undefined =>
  done !== undefined ? { done } : notDone ? { notDone } : newKey ? { newKey } : undefined;

/** A name under which there is no step. */
export const unknownStep = (chain: ChainDefinition, name: string): ProblemError =>
  new ProblemError('INVALID_REQUEST', `${chain.name} has no step of that name; see errors`, [
    {
      field: `steps.${shownField(name)}`,
      message: `Unknown step; the steps are ${chain.steps.map((one) => one.name).join(', ')}`,
    },
  ]);

/**
 * Reads what a resume says of steps, and holds it to what is known of them. Errors: `ProblemError`, where a step cannot be spoken of so,
 * where a short form could mean several steps, and where a call would be repeated though its target may have forgotten the key.
 */
export function statementsOf(
  chain: ChainDefinition,
  state: WorkflowState,
  body: ResumeBody,
  now: number,
): Statements {
  const open = chain.steps.filter((step) => isOpen(state, step, now));
  const short = shortOf(body);
  if (short !== undefined && open.length > 1) throw severalOpen(open);
  const failed = state.meta.error?.step;
  const said = new Map<string, Statement>(
    short !== undefined && failed !== undefined ? [[failed, short]] : Object.entries(body.steps ?? {}),
  );
  for (const [name, statement] of said) refuseStatement(chain, state, name, statement, now);
  // A step that says how its target is asked is not called again before that was answered.
  const expired = open.filter(
    (step) => step.lookup === undefined && !said.has(step.name) && isForgotten(state, step, now),
  );
  if (expired.length > 0) throw keyExpired(state, expired);
  return said;
}

/** Whether the call of a step that is to be made again may have acted already. */
function isOpen(state: WorkflowState, step: StepDefinition, now: number): boolean {
  const record = state.steps.get(step.name);
  return (
    record !== undefined &&
    record.open > 0 &&
    !isDone(record) &&
    isReady(state, step) &&
    !isUnderWay(record, now)
  );
}

const isUnderWay = (record: StepRecord | undefined, now: number): boolean =>
  record?.status === 'running' && notBefore(record, now) !== undefined;

function isForgotten(state: WorkflowState, step: StepDefinition, now: number): boolean {
  const record = state.steps.get(step.name);
  const until = record && safeUntil(step, record);
  return until !== undefined && now > until;
}

function refuseStatement(
  chain: ChainDefinition,
  state: WorkflowState,
  name: string,
  statement: Statement,
  now: number,
): void {
  const step = findStep(chain, name);
  if (step === undefined) throw unknownStep(chain, name);
  if ('undone' in statement)
    throw new ProblemError(
      'STEP_STATUS',
      `the workflow has failed, and nothing of it was taken back: ${name} is done, notDone, or called under a newKey`,
    );
  const record = state.steps.get(name);
  if (isUnderWay(record, now))
    throw new ProblemError('STEP_STATUS', `the call of step ${name} is under way; wait for its end`);
  if (!isReady(state, step))
    throw new ProblemError('STEP_STATUS', `the steps before ${name} are not all done`);
  if (isDone(record) && !('done' in statement && isResult(statement.done, record, state)))
    throw new ProblemError(
      'STEP_STATUS',
      `the step ${name} is completed; nothing can be said of it any more`,
    );
}

/** Whether that is what the step stored: then it may be said again. */
export const isResult = (done: unknown, record: StepRecord | undefined, { meta }: WorkflowState): boolean =>
  record !== undefined && canonical(done) === canonical(resultOf(record, meta));

const severalOpen = (open: readonly StepDefinition[]): ProblemError =>
  new ProblemError(
    'SEVERAL_OPEN',
    `the calls of the steps ${namesOf(open)} may all have acted; say of each what you know: { "steps": { "${open[0]?.name}": { "notDone": true }, … } }`,
  );

const keyExpired = (state: WorkflowState, expired: readonly StepDefinition[]): ProblemError => {
  const until = expired.map((step) => {
    const record = state.steps.get(step.name);
    if (step.keyLifetime === 0) return `the target of ${step.name} takes none`;
    return `${step.name} until ${iso((record && safeUntil(step, record)) ?? 0)}`;
  });
  const [first] = expired;
  return new ProblemError(
    'KEY_EXPIRED',
    `a call may have acted, and could be repeated with the same key only until its target forgets it (${until.join(', ')}). ` +
      `Look at the target, then say what you know: { "steps": { "${first?.name}": { "done": <its result> } } }, or { "notDone": true } if it surely did not act, ` +
      'or { "newKey": true } to call again at your own risk',
  );
};

const namesOf = (steps: readonly StepDefinition[]): string => steps.map(({ name }) => name).join(', ');

/**
 * Saves the results that an operator gave, each on exactly the state that was loaded. Errors: `ProblemError` for a result that the step's
 * response schema does not take.
 * @returns the state with them; undefined where a step is no longer what was loaded
 */
export async function saveDone(
  ports: Pick<Ports, 'store' | 'clock' | 'random'>,
  chain: ChainDefinition,
  state: WorkflowState,
  said: Statements,
): Promise<WorkflowState | undefined> {
  const steps = new Map(state.steps);
  const given = [...said].flatMap(([name, one]) =>
    'done' in one && !isDone(steps.get(name)) ? [[name, one.done] as const] : [],
  );
  // All are checked before the first is saved.
  const checked = await Promise.all(
    given.map(async ([name, done]) => [name, await checkedResult(chain, name, done)] as const),
  );
  for (const [name, result] of checked) {
    const loaded = steps.get(name);
    const now = ports.clock.now();
    const token = ports.random.token();
    const { leaseUntil: _, nextAttemptAt: __, error: ___, ...before } = recordOf(state, name, now, token);
    const completed: StepRecord = {
      ...before,
      status: 'completed',
      token,
      startedAt: before.startedAt ?? now,
      completedAt: now,
      updatedAt: now,
      result,
      attempts: interrupted(before, now),
    };
    const step = findStep(chain, name);
    const record = step ? sealedRecord(completed, step, state.meta, () => ports.random.token()) : completed;
    if (!(await saveStep(ports, state, record, exactly(loaded)))) return undefined;
    steps.set(name, record);
  }
  return { ...state, steps };
}

async function checkedResult(chain: ChainDefinition, name: string, done: unknown): Promise<unknown> {
  const field = `steps.${name}.done`;
  const schema = findStep(chain, name)?.response;
  // A request without a schema stores null, whatever its target answers.
  const parsed =
    schema === undefined
      ? ({ ok: true, result: done } as const)
      : await parseWith(schema, done, 'the result');
  const problem = parsed.ok ? sizeProblem(parsed.result) : parsed.problem;
  if (parsed.ok && problem === undefined) return parsed.result;
  throw new ProblemError('INVALID_REQUEST', 'the result is not one that the step could have; see errors', [
    { field, message: parsed.ok ? `The result ${problem}` : parsed.problem },
  ]);
}
