import type { HttpOutcome, HttpRequest } from '../../../lib/engine/ports.ts';
import type { Chaos } from '../../../lib/testing/faults/chaos.ts';
import { outcomeOf } from '../../../lib/testing/faults/outcome.ts';
import type { Time } from '../../../lib/testing/world/time.ts';

/** How targets answer that are asked what became of a call. */
export interface LookupAnswers {
  /** What they say where nothing was done: a body that says so, or a status. */
  readonly nothing: 200 | 404 | 410;
  /** What an answer is instead of one that says what was done: one of a target that cannot tell, or another result than a step has. */
  odd(): 'unclear' | 'misfit' | undefined;
}

export const CLEAR: LookupAnswers = { nothing: 200, odd: () => undefined };

/** What is said of a call, by a target that can be asked. */
interface Said {
  readonly acted: 'yes' | 'no' | 'unclear';
  readonly result?: unknown;
}

interface Options {
  readonly time: Time;
  readonly chaos: Chaos;
  /** What was done under each key, and what was answered. */
  readonly books: ReadonlyMap<string, unknown>;
  readonly answers: LookupAnswers;
}

/**
 * Targets that are asked what became of a call: they look into their books, and tell what is in there at that moment. So a call that has yet to
 * act counts as none. They are honest: they say that there is nothing only where there is nothing.
 */
export function createLookups({ time, chaos, books, answers }: Options) {
  const said = (key: string): Said => {
    const acted = books.has(key);
    switch (answers.odd()) {
      case 'unclear':
        return { acted: 'unclear' };
      case 'misfit':
        return acted ? { acted: 'yes', result: { of: 'another' } } : { acted: 'unclear' };
      case undefined:
        return acted ? { acted: 'yes', result: books.get(key) } : { acted: 'no' };
    }
  };
  const answered = (one: Said): HttpOutcome =>
    one.acted === 'no' && answers.nothing !== 200
      ? { kind: 'reply', status: answers.nothing, body: 'there is no such thing' }
      : { kind: 'reply', status: 200, body: JSON.stringify(one) };

  return ({ url }: HttpRequest, deadlineMs: number): Promise<HttpOutcome> => {
    const { hostname, searchParams } = new URL(url);
    const key = searchParams.get('key') ?? '';
    const fault = chaos.target(hostname, deadlineMs);
    const { reply, takes } = fault;
    let good: HttpOutcome | undefined;
    let acted = false;
    const look = (): void => {
      acted = books.has(key);
      good = answered(said(key));
    };
    time.after(Math.min(fault.effect ?? takes, takes), look);
    const honest = (): typeof reply =>
      reply.kind === 'status' && (reply.status === 404 || reply.status === 410) && acted
        ? { ...reply, status: 422 }
        : reply;
    return new Promise((resolve) => {
      if (reply.kind === 'never' || takes >= deadlineMs)
        time.after(deadlineMs, () =>
          resolve({
            kind: 'failure',
            code: 'DEADLINE_EXCEEDED',
            sent: 'unknown',
            message: 'no reply in time',
          }),
        );
      else
        time.after(takes + 1, () =>
          resolve(
            outcomeOf(honest(), () => good ?? { kind: 'reply', status: 500, body: 'nobody looked' }, url),
          ),
        );
    });
  };
}
