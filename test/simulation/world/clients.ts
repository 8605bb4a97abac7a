import {
  cancelHandler,
  listHandler,
  resumeHandler,
  startHandler,
  timelineHandler,
} from '../../../functions/handlers.ts';
import type { ApiAnswer, ApiEvent } from '../../../functions/http.ts';
import { START_IDEMPOTENCY_HEADER, workflowPath } from '../../../lib/contract/names.ts';
import { listAnswer, type StartAnswer, startAnswer, workflowAnswer } from '../../../lib/contract/wire.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import type { Time } from '../../../lib/testing/world/time.ts';
import type { Rates } from '../faults/rates.ts';
import type { Asked } from '../oracle/answers.ts';
import type { Oracle } from '../oracle/oracle.ts';
import type { Surroundings } from './backing.ts';
import type { Subject } from './chains.ts';
import { createWish } from './client-requests.ts';
import type { System } from './system.ts';

export interface ClientsOptions {
  readonly time: Time;
  readonly chance: Chance;
  readonly oracle: Oracle;
  readonly system: System;
  readonly subject: Subject;
  readonly surroundings: Surroundings;
  readonly rates: Rates;
}

const post = (rawPath: string, body: unknown, headers: Readonly<Record<string, string>> = {}): ApiEvent => ({
  rawPath,
  headers,
  body: JSON.stringify(body),
  isBase64Encoded: false,
});

const ofWorkflow = (
  workflowId: string,
): Pick<ApiEvent, 'rawPath' | 'headers' | 'pathParameters' | 'isBase64Encoded'> => ({
  rawPath: workflowPath(workflowId),
  headers: {},
  pathParameters: { id: workflowId },
  isBase64Encoded: false,
});

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Resumes of a workflow while things still go wrong. */
const RESUMES_IN_A_ROW = 5;

/** People and programs who start, read, cancel and resume workflows whenever they like. */
export function startClients(options: ClientsOptions): void {
  const { chance, oracle, rates, time } = options;
  const workflows = rates.calm ? 1 : chance.pick([1, 1, 1, 1, 2, 3]);
  for (let number = 0; number < workflows; number += 1) {
    time.after(chance.whole(0, 2 * SECOND), () => void begin(options, number));
  }
  litter(options);
  oracle.onMeta(({ meta }, before) => {
    const { workflowId } = meta;
    if (before === undefined && chance.happens(rates.cancel)) {
      time.after(chance.magnitude(10, 10 * MINUTE), () => void cancel(options, workflowId));
    }
    if (before === undefined && !rates.calm && chance.happens(0.3)) {
      time.after(chance.magnitude(10, 10 * MINUTE), () => void read(options, workflowId));
    }
    // Somebody who has not heard that it was closed.
    if (meta.status === 'cancelled' && before?.status === 'failed' && chance.happens(0.3)) {
      time.after(chance.magnitude(50, 10 * MINUTE), () => void resume(options, workflowId));
    }
    if (meta.status === 'failed' && before?.status === 'processing' && chance.happens(rates.resume)) {
      // Some look at once, others in the morning; who has tried in vain a few times waits for better days.
      const soon = chance.happens(0.5)
        ? chance.magnitude(50, 10 * SECOND)
        : chance.magnitude(SECOND, 10 * MINUTE);
      const wait = meta.epoch < RESUMES_IN_A_ROW ? soon : soon + Math.max(0, rates.stopAt - time.now());
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

const pause = ({ time }: ClientsOptions, ms: number): Promise<void> =>
  new Promise((resolve) => {
    time.after(ms, resolve);
  });

/** Whether a server that could not do it, or nothing at all, answered. */
const isUnavailable = (answer: ApiAnswer | undefined): boolean =>
  answer === undefined || answer.statusCode === 503;

/** What an answer of that status holds, in the form that it must have. */
interface Wanted<Body> {
  readonly status: number;
  readonly form: { safeParse(body: unknown): { success: true; data: Body } | { success: false } };
  /** Told of the body. */
  readonly held: (body: Body, asked: Asked) => void;
}

/** Sends a request and looks at its answer. @param others further statuses that are all right */
async function ask<Body>(
  { oracle, system }: ClientsOptions,
  what: string,
  send: (system: System) => Promise<ApiAnswer | undefined>,
  others: readonly number[],
  wanted?: Wanted<Body>,
): Promise<ApiAnswer | undefined> {
  const asked = oracle.answers.asked();
  const answer = await send(system);
  if (answer === undefined) return undefined;
  oracle.shown(`the answer to ${what}`, answer.body);
  if (answer.statusCode === wanted?.status) {
    const body = wanted.form.safeParse(JSON.parse(answer.body));
    if (body.success) wanted.held(body.data, asked);
    else oracle.report(`${what} was answered ${answer.body}`);
  } else if (![503, ...others].includes(answer.statusCode)) {
    oracle.report(`${what} was answered ${answer.statusCode}: ${answer.body}`);
  }
  return answer;
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
  const newKey = chance.happens(rates.newKey);
  const failed = oracle.find(workflowId)?.meta.error?.step;
  // By its name: the short form is refused where several steps may have acted.
  const steps = failed === undefined ? {} : { [failed]: { newKey: true } };
  const event = { ...ofWorkflow(workflowId), body: newKey ? JSON.stringify({ steps }) : '' };
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
