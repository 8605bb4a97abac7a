import { ADVICE } from '../contract/advice.ts';

/** The closed family of errors that the engine and its adapters throw: whether each may pass by itself, and what to do. */
export const ERROR_CODES = {
  STORE_UNAVAILABLE: { retriable: true, next: 'Check the table: its availability and throttling.' },
  QUEUE_UNAVAILABLE: { retriable: true, next: 'Check the queue: its availability and permissions.' },
  NEWER_VERSION: {
    retriable: true,
    next: 'A newer version of Stepline wrote this: finish its deployment, or deploy it again.',
  },
  TARGET_MISSING: { retriable: false, next: ADVICE.TARGET_MISSING },
  SECRET_UNAVAILABLE: { retriable: true, next: ADVICE.SECRET_UNAVAILABLE },
  NOTIFICATION_FAILED: { retriable: true, next: 'Check the on-call topic: its permissions and its key.' },
  CONFIGURATION: { retriable: false, next: 'Correct what the message names.' },
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * @example throw new EngineError('TARGET_MISSING', 'no target "payments" in the settings', { next: 'Add it to bin/stages.ts, and deploy.' });
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  /** What the reader can do: what the thrower knows, else what the code says. */
  readonly next: string;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; next?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.next = options.next ?? ERROR_CODES[code].next;
  }

  /** Whether the same call may succeed later by itself. */
  get retriable(): boolean {
    return ERROR_CODES[this.code].retriable;
  }
}

/** What an event tells of anything that was thrown. */
export const toldOf = (error: unknown): { readonly message: string; readonly next?: string } => ({
  message: messageOf(error),
  ...(error instanceof EngineError ? { next: error.next } : {}),
});

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What was thrown, by its name and message: the SDK's errors say the most by their names. */
export const namedMessageOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);
