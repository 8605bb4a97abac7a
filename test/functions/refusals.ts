import { expect } from 'vitest';
import type { ApiAnswer } from '../../functions/http.ts';
import { problem } from '../../lib/contract/wire.ts';
import type { TestStage } from './stage.ts';

export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** The fields that are named, in any order; none unless given. */
  readonly fields?: readonly string[];
}

/** Holds an answer to be the RFC 9457 document of this refusal, and returns its text. */
export function expectRefusal(answer: ApiAnswer, { status, code, fields = [] }: Refusal): string {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['cache-control']).toBe('no-store');
  const document = problem.parse(JSON.parse(answer.body));
  expect(document).toMatchObject({ status, code });
  expect(answer.statusCode).toBe(status);
  expect((document.errors ?? []).map(({ field }) => field).sort()).toEqual([...fields].sort());
  expect(document.type).toBe(`urn:stepline:problem:${code.toLowerCase().replaceAll('_', '-')}`);
  return document.detail;
}

/** Holds a stage to have no workflow, no message sent and no target called. */
export async function expectNothingStarted({ engine, queues, calls }: TestStage): Promise<void> {
  const { workflows } = await engine.ports.store.list({ tenant: 'default', limit: 10 });
  expect(workflows).toEqual([]);
  expect(queues.stats().sent).toBe(0);
  expect(calls).toEqual([]);
}
