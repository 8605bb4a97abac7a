import { named } from './scalar.ts';

/** A complete reply, whatever its status. */
export interface Reply {
  readonly status: number;
  /** Their names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The value that it is as JSON, else its text; under `read: 'text'` always its text. Undefined where it is empty, or cannot be decoded. */
  readonly body: unknown;
}

/** What a reply says of the call. */
export interface VerdictOptions {
  /** What operators read. No default: they see it at three in the morning. */
  readonly because: string;
  /**
   * `no`: the target has surely not acted, so that a later attempt may take a new idempotency key. Default: `no` at a 4xx other than 408 and 409,
   * which may speak of an earlier call, else `unknown`.
   */
  readonly acted?: 'no' | 'unknown';
}

/** What `later` and `refused` make. */
export class Verdict {
  readonly is: 'later' | 'refused';
  readonly because: string;
  readonly acted: 'no' | 'unknown' | undefined;
  /** Seconds. */
  readonly after: number | undefined;

  constructor(is: Verdict['is'], { because, acted, after }: VerdictOptions & { readonly after?: number }) {
    if (typeof because !== 'string' || because === '') {
      throw new TypeError(`${is}: because is ${named(because)}; write what the reply says`);
    }
    if (acted !== undefined && acted !== 'no' && acted !== 'unknown') {
      throw new TypeError(`${is}: acted is ${named(acted)}; write 'no' or 'unknown'`);
    }
    if (after !== undefined && !(Number.isFinite(after) && after >= 0)) {
      throw new TypeError(`${is}: after is ${named(after)}; write seconds, or leave it out`);
    }
    this.is = is;
    this.because = because;
    this.acted = acted;
    this.after = after;
  }
}

/**
 * The call is tried again, as after a 503. `after`: not before so many seconds; without it as the headers and the backoff say.
 * Errors: `TypeError`; the step then fails as `REPLY_INVALID`.
 * @example
 * reply: ({ body }, next) => (body?.error === 'ratelimited' ? later({ after: 30, because: 'ratelimited' }) : next())
 */
export const later = (options: VerdictOptions & { readonly after?: number }): Verdict =>
  new Verdict('later', options);

/** The step fails at once, as after a 422. Errors: as `later`. */
export const refused = (options: VerdictOptions): Verdict => new Verdict('refused', options);
