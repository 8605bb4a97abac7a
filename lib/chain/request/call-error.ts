import type { Reply } from './verdict.ts';

/** What a call was, and what came of it. */
export interface CallErrorOptions {
  readonly call: string;
  readonly target: string;
  readonly code: string;
  readonly reply?: Reply | undefined;
}

/**
 * Thrown by a call of a `run` step that ended without a good reply. Left alone, it fails the attempt as it would fail that of a `request` step: a
 * refusal at once, all else with another attempt. Code that catches it goes on.
 * @example
 * const customer = await call('find', crm).get(path`/customers/${id}`).catch((error) => {
 *   if (error instanceof CallError && error.status === 404) return undefined;
 *   throw error;
 * });
 */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** The name that `call` was given. */
  readonly call: string;
  readonly target: string;
  /** As a step's error has it, such as `REFUSED` or `CONNECTION_BROKEN`. */
  readonly code: string;
  /** Undefined where no complete reply came. */
  readonly reply: Reply | undefined;

  /** @param message as operators read it, secrets masked */
  constructor(message: string, { call, target, code, reply }: CallErrorOptions) {
    super(message);
    this.call = call;
    this.target = target;
    this.code = code;
    this.reply = reply;
  }

  get status(): number | undefined {
    return this.reply?.status;
  }
}
