import { LIMITS } from '../contract/limits.ts';
import type { Signer } from './signing.ts';

/** How requests say who sends them. */
export type Auth =
  | {
      /** A token, or what fetches one: it is asked before each request. */
      readonly bearer: string | (() => string | Promise<string>);
    }
  | {
      /** Signs with SigV4, as a stage with IAM authorization wants it. */
      readonly sign: Signer;
    };

export interface ClientOptions {
  /** Default: none, as for the one process. */
  readonly auth?: Auth;
  /** How often what is safe to repeat is repeated. Default 4; 0 for never. */
  readonly retries?: number;
  /** Default: that of the platform. */
  readonly fetch?: typeof globalThis.fetch;
  /** For tests: time and chance. */
  readonly sleep?: Sleep;
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Resolves after `ms`. Errors: the reason of the signal, when that aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Everything decided. */
export type Settled = Required<Omit<ClientOptions, 'auth'>> & Pick<ClientOptions, 'auth'>;

export const settled = (options: ClientOptions): Settled => ({
  retries: LIMITS.clientRetries,
  fetch: (...request) => globalThis.fetch(...request),
  sleep,
  now: Date.now,
  random: Math.random,
  ...options,
});

const sleep: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
