import type { ApiAnswer, ApiEvent } from '../../../functions/http.ts';
import { workflowPath } from '../../../lib/contract/names.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import type { Time } from '../../../lib/testing/world/time.ts';
import type { Rates } from '../faults/rates.ts';
import type { Asked } from '../oracle/answers.ts';
import type { Oracle } from '../oracle/oracle.ts';
import type { Surroundings } from './backing.ts';
import type { Subject } from './chains.ts';
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

export const ofWorkflow = (
  workflowId: string,
): Pick<ApiEvent, 'rawPath' | 'headers' | 'pathParameters' | 'isBase64Encoded'> => ({
  rawPath: workflowPath(workflowId),
  headers: {},
  pathParameters: { id: workflowId },
  isBase64Encoded: false,
});

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const pause = ({ time }: ClientsOptions, ms: number): Promise<void> =>
  new Promise((resolve) => {
    time.after(ms, resolve);
  });

/** Whether a server that could not do it, or nothing at all, answered. */
export const isUnavailable = (answer: ApiAnswer | undefined): boolean =>
  answer === undefined || answer.statusCode === 503;

/** What an answer of that status holds, in the form that it must have. */
export interface Wanted<Body> {
  readonly status: number;
  readonly form: { safeParse(body: unknown): { success: true; data: Body } | { success: false } };
  /** Told of the body. */
  readonly held: (body: Body, asked: Asked) => void;
}

/** Sends a request and looks at its answer. @param others further statuses that are all right */
export async function ask<Body>(
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
