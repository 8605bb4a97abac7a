import type { ClientOptions } from '../../lib/client/index.ts';

/** A request as `fetch` was given it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** What a server answers, or that it does not. */
export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Record<string, string>;
      readonly json?: unknown;
      readonly text?: string;
    }
  | Error;

export interface FakeServer {
  readonly asked: Asked[];
  /** How long the client slept, in milliseconds. */
  readonly slept: number[];
  readonly options: Required<Pick<ClientOptions, 'fetch' | 'sleep' | 'now' | 'random'>>;
  /** Lets time pass, as a server does that answers late. */
  pass(ms: number): void;
}

/**
 * A server in the place of `fetch`, in virtual time.
 * @param answers in turn, each as it is or made of the request; the last one is given to all that follow
 */
export function fakeServer(...answers: readonly (Answer | ((asked: Asked) => Answer))[]): FakeServer {
  const asked: Asked[] = [];
  const slept: number[] = [];
  let now = 1_790_000_000_000;
  return {
    asked,
    slept,
    pass: (ms) => {
      now += ms;
    },
    options: {
      now: () => now,
      random: () => 1,
      sleep: async (ms, signal) => {
        signal?.throwIfAborted();
        slept.push(ms);
        now += ms;
      },
      fetch: async (url, init = {}) => {
        const request = {
          method: init.method ?? 'GET',
          url: String(url),
          headers: new Headers(init.headers),
          body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
        };
        const answer = answers[Math.min(asked.length, answers.length - 1)];
        asked.push(request);
        const given = typeof answer === 'function' ? answer(request) : answer;
        if (given === undefined) throw new Error('the fake server has no answer');
        if (given instanceof Error) throw given;
        const { status = 200, headers = {}, json, text = JSON.stringify(json) } = given;
        return new Response(status === 304 ? null : text, { status, headers });
      },
    },
  };
}
