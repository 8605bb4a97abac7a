import * as z from 'zod';
import { createHttpClient } from '../../../lib/adapters/http/client.ts';
import type { HttpOutcome } from '../../../lib/engine/ports.ts';
import { type DemoOptions, type DemoTargets, startDemoTargets } from '../../../lib/local/demo/targets.ts';
import { closers } from '../../support/closers.ts';

export const start = async (options?: DemoOptions): Promise<DemoTargets> => {
  const demo = await startDemoTargets(options);
  closers.push(() => demo.close());
  return demo;
};

const client = () => {
  const http = createHttpClient();
  closers.push(() => http.close());
  return http;
};

export const CHARGE = { card: '4242424242424242', amount: 12.5 };

export const charge = (demo: DemoTargets, key?: string, deadlineMs = 2_000): Promise<HttpOutcome> =>
  client().call(
    {
      method: 'POST',
      url: `${demo.server('payments').url}/charges`,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: JSON.stringify(CHARGE),
    },
    deadlineMs,
  );

export const statusOf = (outcome: HttpOutcome): number | undefined => outcome.status;
export const bodyOf = (outcome: HttpOutcome): unknown =>
  outcome.kind === 'reply' ? JSON.parse(outcome.body) : outcome;

export const send = async (url: string, method: string, body?: unknown) => {
  const reply = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: reply.status, json: z.record(z.string(), z.unknown()).parse(await reply.json()) };
};
