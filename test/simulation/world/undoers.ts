import { cancelHandler, resumeHandler, undoHandler } from '../../../functions/handlers.ts';
import { type WorkflowAnswer, workflowAnswer } from '../../../lib/contract/wire.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { ask, type ClientsOptions, isUnavailable, MINUTE, ofWorkflow, pause, SECOND } from './asking.ts';
import { lookedUp } from './books.ts';

/** Resumes of a workflow while things still go wrong; and after how many everybody gives up what fails in the same way each time. */
export const RESUMES = { inARow: 5, most: 40 };

/** What operators do about workflows that are taken back, or shall be: at any moment, and two at a time. */
export function operateUndo(
  options: ClientsOptions,
  { status, workflowId, epoch }: WorkflowMeta,
  before: WorkflowMeta | undefined,
): void {
  const { chance, rates, time } = options;
  const { undo: rate } = rates;
  /** At once, or after a while; and perhaps by two who do not know of each other. */
  const soon = (most: number, deed: () => unknown): void => {
    const wait = chance.magnitude(10, most);
    time.after(wait, deed);
    if (chance.happens(0.15)) time.after(wait, deed);
  };
  if (before === undefined && chance.happens(rate.cancel))
    soon(chance.pick([SECOND, 10 * SECOND, 10 * MINUTE]), () => takeBack(options, workflowId, 'cancel'));
  if (status === before?.status) return;
  if (status === 'failed' && chance.happens(rate.failed)) {
    const deed = chance.happens(0.8) ? 'undo' : 'cancel';
    soon(chance.pick([10 * SECOND, 10 * MINUTE]), () => takeBack(options, workflowId, deed));
  }
  if (status !== 'compensation_failed' || epoch >= RESUMES.most || !chance.happens(rate.resume)) return;
  // Who has tried in vain a few times waits for better days.
  const later = epoch < RESUMES.inARow ? 0 : Math.max(0, rates.stopAt - time.now());
  const wait = later + chance.magnitude(50, chance.pick([10 * SECOND, 10 * MINUTE]));
  if (chance.happens(rate.close)) time.after(wait, () => void close(options, workflowId));
  if (chance.happens(0.9)) time.after(wait, () => void resumeUndo(options, workflowId));
  if (chance.happens(0.1)) time.after(wait, () => void resumeUndo(options, workflowId));
}

/** Who takes a workflow back in the very moment in which a step of it is claimed, or ends. */
export function strikeUndo(options: ClientsOptions): void {
  const { chance, oracle, rates, time } = options;
  strikePivot(options);
  if (rates.undo.strike === 0) return;
  /** Within the time of a call. */
  const strike = (workflowId: string): void => {
    if (chance.happens(rates.undo.strike))
      time.after(chance.whole(0, 100), () => void takeBack(options, workflowId, 'cancel'));
  };
  oracle.onMeta(({ meta }, before) => {
    if (meta.status === 'processing' && before?.status === 'failed') strike(meta.workflowId);
  });
  oracle.onStep(({ meta }, { action }) => {
    if (action === undefined && meta.status === 'processing') strike(meta.workflowId);
  });
}

/** Who takes a workflow back while its pivot is claimed: what a pivot that can be asked is good for shows then alone. */
function strikePivot(options: ClientsOptions): void {
  const { chance, oracle, rates, subject, time } = options;
  const { after } = subject.chain.steps.find(({ pivot, lookup }) => pivot && lookup !== undefined) ?? {};
  if (after === undefined || rates.calm) return;
  oracle.onStep(({ meta }, { step, action, status }) => {
    if (action !== undefined || status !== 'completed' || !after.includes(step)) return;
    if (chance.happens(0.7))
      time.after(
        chance.whole(0, 100 + rates.gatherMs),
        () => void takeBack(options, meta.workflowId, 'cancel'),
      );
  });
}

/** Asks that a workflow be taken back: one that failed, or one that is under way. */
export async function takeBack(
  options: ClientsOptions,
  workflowId: string,
  by: 'undo' | 'cancel',
): Promise<void> {
  const { answers } = options.oracle;
  const event = { ...ofWorkflow(workflowId), body: by === 'undo' ? '' : JSON.stringify({ undo: true }) };
  const handler = by === 'undo' ? undoHandler : cancelHandler;
  const wanted = { status: by === 'undo' ? 202 : 200, form: workflowAnswer, held: answers.takenBack };
  for (let tries = 0; tries < 20; tries += 1) {
    answers.undoAsked(workflowId);
    const answer = await ask(options, 'an undo', (at) => at.request(handler, event), [409], wanted);
    if (!isUnavailable(answer)) return;
    await pause(options, options.chance.whole(SECOND, MINUTE));
  }
}

/** Closes a workflow that could not be taken back: what stands stays. */
async function close(options: ClientsOptions, workflowId: string): Promise<void> {
  const event = { ...ofWorkflow(workflowId), body: '' };
  const closed = { status: 200, form: workflowAnswer, held: options.oracle.answers.cancelled };
  await ask(options, 'a cancel', (at) => at.request(cancelHandler, event), [409], closed);
}

/** Sets a compensation going again: as it is, under a new key, or after its failed undo was done by hand. */
export async function resumeUndo(options: ClientsOptions, workflowId: string): Promise<void> {
  const { chance, oracle, rates } = options;
  const { step, code } = oracle.find(workflowId)?.meta.undoError ?? {};
  const looked = code === 'LOOKUP_UNKNOWN' ? lookedUp(options, workflowId, step) : undefined;
  const byHand = step !== undefined && looked === undefined && chance.happens(rates.undo.undone);
  const newKey = step !== undefined && looked === undefined && !byHand && chance.happens(rates.undo.newKey);
  const said = looked ?? (byHand ? { undone: true } : { newKey: true });
  const body =
    step !== undefined && (byHand || newKey || looked !== undefined)
      ? JSON.stringify({ steps: { [step]: said } })
      : '';
  const event = { ...ofWorkflow(workflowId), body };
  const held = (answer: WorkflowAnswer, asked: Parameters<typeof oracle.answers.resumed>[1]): void =>
    oracle.answers.resumed(answer, asked);
  for (let tries = 0; tries < 20; tries += 1) {
    if (byHand) oracle.undidByHand(workflowId, step);
    oracle.answers.resumeAsked(workflowId, newKey ? step : undefined);
    const answer = await ask(options, 'a resume', (at) => at.request(resumeHandler, event), [409], {
      status: 202,
      form: workflowAnswer,
      held,
    });
    if (!isUnavailable(answer)) return;
    await pause(options, chance.whole(SECOND, MINUTE));
  }
}
