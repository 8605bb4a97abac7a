import * as z from 'zod';
import type { Registry } from '../chain/registry.ts';
import { isTerminal, ROUTES } from '../contract/names.ts';
import { startAnswer, type WorkflowAnswer, workflowAnswer } from '../contract/wire.ts';
import { makeValue } from './demo/made.ts';

/** A request that starts a chain. */
export interface Sample {
  readonly path: string;
  readonly body: unknown;
}

/** The order that `npm start` runs. */
export const SAMPLE = {
  path: '/api/process-order',
  body: {
    card: '4242424242424242',
    amount: 42.5,
    address: '1 Main Street, Springfield',
    email: 'ada@example.com',
  },
} as const satisfies Sample;

/**
 * A request that a user can try: the sample order, or where no chain takes it one that is made from the input schema of the first
 * chain. Undefined where none can be made.
 */
export async function sampleFor(chains: Registry): Promise<Sample | undefined> {
  const order = chains.byStart(SAMPLE.path);
  if ((await order?.input.safeParseAsync(SAMPLE.body))?.success) return SAMPLE;
  const [first] = chains.current;
  if (first === undefined) return undefined;
  const body = await makeValue(first.input, first.name);
  return body.made ? { path: first.start, body: body.value } : undefined;
}

/** Whether the sample order is taken and pretended to its end: at real targets it would do real things. */
export const isHarmless = (sample: Sample | undefined, chains: Registry, demo: readonly string[]): boolean =>
  sample === SAMPLE &&
  chains
    .byStart(SAMPLE.path)
    ?.steps.every(({ targets }) => targets?.length && targets.every((name) => demo.includes(name))) === true;

/** A curl line that works when pasted. */
export function sampleCurl(baseUrl: string, { path, body }: Sample = SAMPLE): string {
  const quoted = JSON.stringify(body).replaceAll("'", `'\\''`);
  return `curl -s ${baseUrl}${path} -H 'content-type: application/json' -d '${quoted}'`;
}

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
  } while (!isTerminal(shown.status));
  tell(JSON.stringify(shown, null, 2));
}

async function fetchJson(url: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(url, { ...init, signal });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  return z.looseObject({}).parse(answer);
}
