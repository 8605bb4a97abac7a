import * as z from 'zod';
import { ROUTES } from '../contract/names.ts';
import { startAnswer, type WorkflowAnswer, workflowAnswer } from '../contract/wire.ts';

/** The order that `npm start` runs, and that the printed curl line sends. */
export const SAMPLE = {
  path: '/api/process-order',
  body: {
    card: '4242424242424242',
    amount: 42.5,
    address: '1 Main Street, Springfield',
    email: 'ada@example.com',
  },
} as const;

/** A curl line that works when pasted. */
export const sampleCurl = (baseUrl: string): string =>
  `curl -s ${baseUrl}${SAMPLE.path} -H 'content-type: application/json' -d '${JSON.stringify(SAMPLE.body)}'`;

const POLL_MS = 25;

/**
 * Sends the sample order and follows it over HTTP, as a user would.
 * @param tell receives each line to print
 */
export async function runSample(
  baseUrl: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { workflowId } = startAnswer.parse(await fetchJson(`${baseUrl}${SAMPLE.path}`, signal, SAMPLE.body));
  tell(`sample order ${workflowId}: processing`);
  const seen = new Map<string, string>();
  let shown: WorkflowAnswer;
  do {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const url = `${baseUrl}${ROUTES.get.path.replace('{id}', workflowId)}`;
    shown = workflowAnswer.parse(await fetchJson(url, signal));
    for (const [step, status] of Object.entries(shown.steps)) {
      if (status !== 'pending' && seen.get(step) !== status) tell(`  ${step}: ${status}`);
      seen.set(step, status);
    }
  } while (shown.status === 'processing');
  tell(JSON.stringify(shown, null, 2));
}

async function fetchJson(url: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(url, { ...init, signal });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return z.looseObject({}).parse(answer);
}
