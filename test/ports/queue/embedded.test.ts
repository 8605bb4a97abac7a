import { systemRandom } from '../../../lib/adapters/system.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { CONTRACT_SETTINGS, DEAD_LETTERS, queueContract, STEP } from './contract.ts';

queueContract('embedded', async () => {
  const clock = manualClock();
  const queues = createEmbeddedQueues({ clock, random: systemRandom });
  const parking = { kind: 'parking' } as const;
  queues.declare(parking, CONTRACT_SETTINGS);
  queues.declare(DEAD_LETTERS, { ...CONTRACT_SETTINGS, redriveTo: parking });
  queues.declare(STEP, { ...CONTRACT_SETTINGS, redriveTo: DEAD_LETTERS });
  return {
    queue: queues,
    receive: async (name, max) => queues.receive(name, max),
    acknowledge: async ({ queue, receiptHandle }) => queues.acknowledge(queue, receiptHandle),
    elapse: clock.advance,
    parked: async () => queues.contents(parking),
    close: async () => queues.close(),
  };
});
