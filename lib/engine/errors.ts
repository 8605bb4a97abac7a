/** The closed family of errors that the engine and its adapters throw. */
export const ERROR_CODES = {
  STORE_UNAVAILABLE: {
    retriable: true,
    next: 'It is tried again; see the table’s throttling and availability.',
  },
  QUEUE_UNAVAILABLE: {
    retriable: true,
    next: 'It is tried again; see the queue’s permissions and availability.',
  },
  TARGET_MISSING: {
    retriable: false,
    next: 'Mend the target’s settings or its secret, then resume.',
  },
  SECRET_UNAVAILABLE: {
    retriable: true,
    next: 'It is tried again; see the throttling and availability of the store of secrets.',
  },
  NOTIFICATION_FAILED: { retriable: true, next: 'It is tried again; see the topic’s permissions.' },
  CONFIGURATION: { retriable: false, next: 'Set what the message names.' },
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * @example throw new EngineError('TARGET_MISSING', 'no target "payments" in the settings');
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same call may succeed later by itself. */
  get retriable(): boolean {
    return ERROR_CODES[this.code].retriable;
  }

  /** What the reader can do. */
  get next(): string {
    return ERROR_CODES[this.code].next;
  }
}
