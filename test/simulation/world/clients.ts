import {
  cancelHandler,
  listHandler,
  resumeHandler,
  startHandler,
  timelineHandler,
} from '../../../functions/handlers.ts';
import type { ApiEvent } from '../../../functions/http.ts';
import { START_IDEMPOTENCY_HEADER } from '../../../lib/contract/names.ts';
import { listAnswer, type StartAnswer, startAnswer, workflowAnswer } from '../../../lib/contract/wire.ts';
import {
  ask,
  type ClientsOptions,
  isUnavailable,
  MINUTE,
  ofWorkflow,
  pause,
  SECOND,
  type Wanted,
} from './asking.ts';
import { lookedUp } from './books.ts';
import { createWish } from './client-requests.ts';
import { operateUndo, RESUMES, strikeUndo } from './undoers.ts';

const post = (rawPath: string, body: unknown, headers: Readonly<Record<string, string>> = {}): ApiEvent => ({
  rawPath,
  headers,
  body: JSON.stringify(body),
  isBase64Encoded: false,
});

const NEW_KEY = { newKey: true } as const;

/** People and programs who start, read, cancel and resume workflows whenever they like. */
export function startClients(options: ClientsOptions): void {
  const { chance, oracle, rates, time } = options;
  const workflows = rates.calm ? 1 : chance.pick([1, 1, 1, 1, 2, 3]);
  for (let number = 0; number < workflows; number += 1) {
    time.after(chance.whole(0, 2 * SECOND), () => void begin(options, number));
  }
  litter(options);
  strikeUndo(options);
  oracle.onMeta(({ meta }, before) => {
    const { workflowId } = meta;
    if (before === undefined && chance.happens(rates.cancel)) {
      time.after(chance.magnitude(10, 10 * MINUTE), () => void cancel(options, workflowId));
    }
    if (before === undefined && !rates.calm && chance.happens(0.3)) {
      time.after(chance.magnitude(10, 10 * MINUTE), () => void read(options, workflowId));
    }
    operateUndo(options, meta, before);
    // Somebody who has not heard that it was closed.
    if (meta.status === 'cancelled' && before?.status === 'failed' && chance.happens(0.3)) {
      time.after(chance.magnitude(50, 10 * MINUTE), () => void resume(options, workflowId));
    }
    const isResumable = meta.epoch < RESUMES.most && meta.status === 'failed';
    if (isResumable && before?.status === 'processing' && chance.happens(rates.resume)) {
      // Some look at once, others in the morning; who has tried in vain a few times waits for better days.
      const soon = chance.happens(0.5)
        ? chance.magnitude(50, 10 * SECOND)
        : chance.magnitude(SECOND, 10 * MINUTE);
      const wait = meta.epoch < RESUMES.inARow ? soon : soon + Math.max(0, rates.stopAt - time.now());
      time.after(wait, () => void resume(options, workflowId));
      if (chance.happens(0.1)) time.after(wait, () => void resume(options, workflowId));
    }
  });
}

/** Bodies that nobody can read: anyone with the right to send may send them. */
function litter({ surroundings, chance, rates, subject, time }: ClientsOptions): void {
  const { chain } = subject;
  for (const { name: step } of chain.steps) {
    for (const kind of ['step', 'deadLetter'] as const) {
      if (!chance.happens(rates.garbage)) continue;
      const body = chance.pick(['no JSON', '{}', JSON.stringify({ chain: chain.name, step: 'another' })]);
      const when = chance.magnitude(10, 10 * MINUTE);
      time.after(when, () => surroundings.inject({ chain: chain.name, step, kind }, body));
    }
  }
}

export async function begin(options: ClientsOptions, number: number): Promise<void> {
  const { chance, oracle, subject, rates } = options;
  const card = `42${chance.whole(10 ** 6, 10 ** 7 - 1)}${chance.whole(10 ** 6, 10 ** 7 - 1)}`;
  const keyed = chance.happens(0.7);
  const headers = keyed ? { [START_IDEMPOTENCY_HEADER]: `order ${number}` } : {};
  const event = post(subject.chain.start, subject.input(card), headers);
  const wish = createWish(oracle, keyed ? `a start under order ${number}` : 'a start without a key');
  const started: Wanted<StartAnswer> = {
    status: 202,
    form: startAnswer,
    held: (body, asked) => {
      wish.answered(body.workflowId);
      oracle.answers.started(body, asked);
    },
  };
  for (let tries = 0; tries < 20; tries += 1) {
    const answer = await ask(
      options,
      'a start',
      (at) => at.request(startHandler, event, wish.watch),
      [],
      started,
    );
    if (answer !== undefined) wish.refused(answer.statusCode);
    if (answer?.statusCode === 202) {
      if (keyed && !rates.calm && chance.happens(0.1)) {
        const other = post(subject.chain.start, subject.other(card), headers);
        await ask(
          options,
          'another start under the same key',
          (at) => at.request(startHandler, other, wish.watch),
          [422],
        );
      }
      // Once more, or not.
      if (!keyed || rates.calm || chance.happens(0.8)) return;
    } else if (!keyed || !isUnavailable(answer)) return;
    await pause(options, chance.whole(SECOND, MINUTE));
  }
}

export async function cancel(options: ClientsOptions, workflowId: string): Promise<void> {
  const event = { ...ofWorkflow(workflowId), body: '' };
  const cancelled = { status: 200, form: workflowAnswer, held: options.oracle.answers.cancelled };
  for (let tries = 0; tries < 3; tries += 1) {
    const answer = await ask(options, 'a cancel', (at) => at.request(cancelHandler, event), [409], cancelled);
    if (!isUnavailable(answer)) return;
  }
}

export async function resume(options: ClientsOptions, workflowId: string): Promise<void> {
  const { chance, oracle, rates } = options;
  const failed = oracle.find(workflowId)?.meta.error?.step;
  const said = lookedUp(options, workflowId, failed) ?? (chance.happens(rates.newKey) ? NEW_KEY : undefined);
  const newKey = said !== undefined && !('done' in said);
  // By its name: the short form is refused where several steps may have acted.
  const steps = failed === undefined ? {} : { [failed]: said };
  const event = { ...ofWorkflow(workflowId), body: said === undefined ? '' : JSON.stringify({ steps }) };
  const wish = createWish(oracle, `a resume of ${workflowId}`);
  const resumed = { status: 202, form: workflowAnswer, held: oracle.answers.resumed };
  for (let tries = 0; tries < 20; tries += 1) {
    oracle.answers.resumeAsked(workflowId, newKey ? failed : undefined);
    const answer = await ask(
      options,
      'a resume',
      (at) => at.request(resumeHandler, event, wish.watch),
      [409],
      resumed,
    );
    if (answer !== undefined) wish.refused(answer.statusCode);
    if (!isUnavailable(answer)) return;
    await pause(options, chance.whole(SECOND, MINUTE));
  }
}

async function read(options: ClientsOptions, workflowId: string): Promise<void> {
  const { answers } = options.oracle;
  await ask(options, 'a read', (at) => at.request(timelineHandler, ofWorkflow(workflowId)), [], {
    status: 200,
    form: workflowAnswer,
    held: answers.read,
  });
  await ask(options, 'a listing', (at) => at.request(listHandler, ofWorkflow('')), [], {
    status: 200,
    form: listAnswer,
    held: answers.listed,
  });
}
