const WIDTH = 30;
/** Milliseconds between two sights of the bar: on a terminal it is drawn over, in a log each is a line. */
const EVERY = { terminal: 200, log: 10_000 };

/** A bar on stderr that tells how many schedules have ended. */
export function progressBar(total: number, now: () => number): { add(schedules: number): void; end(): void } {
  const { stderr } = process;
  const began = now();
  let done = 0;
  let shown = began;
  const draw = (): void => {
    shown = now();
    const filled = Math.round((WIDTH * done) / total);
    const rate = Math.round(done / ((shown - began) / 1_000));
    const bar = `${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}`;
    const line = `[${bar}] ${done} of ${total}, ${rate}/s`;
    stderr.write(stderr.isTTY ? `\r${line} ` : `${line}\n`);
  };
  return {
    add: (schedules) => {
      done += schedules;
      if (now() - shown >= (stderr.isTTY ? EVERY.terminal : EVERY.log)) draw();
    },
    end: () => {
      draw();
      if (stderr.isTTY) stderr.write('\n');
    },
  };
}
