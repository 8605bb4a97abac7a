/**
 * Thrown by a `run` step to say that it was refused for good and that nothing was done: the step fails at once, without
 * another attempt. Anything else that a `run` step throws is tried again.
 * @example throw new StepRefusal('this account is closed');
 */
export class StepRefusal extends Error {
  override readonly name = 'StepRefusal';
}
