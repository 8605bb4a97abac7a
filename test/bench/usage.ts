/** Preloaded into a measured process: answers its parent's question for what it has used so far. */
export interface Usage {
  /** Milliseconds of processor time, user and system. */
  readonly cpuMs: number;
  /** The most that was resident so far, in bytes. */
  readonly peakBytes: number;
}

process.on('message', (message) => {
  if (message !== 'usage') return;
  const { user, system } = process.cpuUsage();
  const usage: Usage = {
    cpuMs: (user + system) / 1_000,
    peakBytes: process.resourceUsage().maxRSS * 1_024,
  };
  process.send?.({ usage });
});
// Being asked is no reason to stay alive.
process.channel?.unref();
