/** What a refusal tells beside its message; each is shown with the error of the step. */
export interface RefusalOptions extends ErrorOptions {
  /** The target that refused, by its name in the settings. */
  readonly target?: string;
  /** The HTTP status by which it did. */
  readonly status?: number;
}

/**
 * Thrown by a `run` step to say that it was refused for good and that nothing was done: the step fails at once, without
 * another attempt. Anything else that a `run` step throws is tried again. A target or status that can be none is left out of the
 * error, and its detail says so: a refusal stays one.
 * @param message what was said: shown to operators, in the timeline and the logs
 * @example throw new StepRefusal('card declined', { target: 'payments', status: 402 });
 */
export class StepRefusal extends Error {
  override readonly name = 'StepRefusal';
  readonly target: string | undefined;
  readonly status: number | undefined;

  constructor(message: string, { target, status, ...options }: RefusalOptions = {}) {
    super(message, options);
    this.target = target;
    this.status = status;
  }
}
