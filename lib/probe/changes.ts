/** What is changed for the time of a check and must be as before after it, however the check ends. */
export interface Change {
  /** The command by which a person takes it back, should this process be killed. */
  readonly command: string;
  apply(): Promise<void>;
  /** Is called though `apply` failed: of a request of which no answer came nobody knows whether it took effect. */
  back(): Promise<void>;
}

/** Everything that is changed for now. */
export interface Changes {
  /**
   * Does `during` while the change is in force, and takes it back whatever comes of it.
   * Errors: those of the change and of `during`. What could not be taken back stays in `pending`.
   */
  while<Result>(change: Change, during: () => Promise<Result>): Promise<Result>;
  /** Commands that take back what is still changed, the latest first. */
  pending(): readonly string[];
}

/**
 * @param say is told of each change before it is made, so that the terminal shows how to take it back
 * @example await changes.while(throttle(probe, name), () => startSeveral(probe, chain, inputs));
 */
export function trackChanges(say: (line: string) => void): Changes {
  const commands: string[] = [];
  return {
    while: async ({ command, apply, back }, during) => {
      say(`  changed for now; to take it back by hand: ${command}`);
      commands.unshift(command);
      try {
        await apply();
        return await during();
      } finally {
        await back();
        commands.splice(commands.indexOf(command), 1);
      }
    },
    pending: () => [...commands],
  };
}
