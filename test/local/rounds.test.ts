import { expect, it, vi } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import type { EngineEvent } from '../../lib/engine/events.ts';
import { startRounds } from '../../lib/local/rounds.ts';
import { manualClock } from '../support/manual-clock.ts';

it('rounds come again after one that failed, which is told, and end when they are stopped', async () => {
  const clock = manualClock();
  const events: EngineEvent[] = [];
  const run = vi.fn(async () => undefined);
  run.mockRejectedValueOnce(new Error('no disk'));
  const telemetry = { emit: (event: EngineEvent) => void events.push(event) };
  const rounds = startRounds({ clock, telemetry, ms: 1_000, where: 'purge', run });
  await clock.advance(999);
  expect(run).toHaveBeenCalledTimes(0);
  await clock.advance(1);
  expect(events).toMatchObject([{ event: 'unexpected_error', where: 'purge' }]);
  await clock.advance(1_000);
  expect(run).toHaveBeenCalledTimes(2);
  await rounds.stop();
  await clock.advance(10_000);
  expect(run).toHaveBeenCalledTimes(2);
});

it('files are rewritten so often that two rounds, of which one failed, fit into the hour that is promised', () => {
  expect(3 * LIMITS.purgeInterval).toBeLessThanOrEqual(3_600);
});
