import { SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { createSqsQueue } from '../../../lib/adapters/sqs/queue.ts';
import { systemRandom } from '../../../lib/adapters/system.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { connectMock, embeddedSqs } from '../../support/embedded-sqs.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { CONTRACT_SETTINGS, DEAD_LETTERS, queueContract, STEP } from './contract.ts';

const queueUrlPrefix = 'https://sqs.us-east-1.amazonaws.com/123456789012/stepline_test_';

queueContract('SQS, as the embedded queues imitate it', async () => {
  const clock = manualClock();
  const queues = createEmbeddedQueues({ clock, random: systemRandom });
  const parking = { kind: 'parking' } as const;
  queues.declare(parking, CONTRACT_SETTINGS);
  queues.declare(DEAD_LETTERS, { ...CONTRACT_SETTINGS, redriveTo: parking });
  queues.declare(STEP, { ...CONTRACT_SETTINGS, redriveTo: DEAD_LETTERS });
  const mock = mockClient(SQSClient);
  // A request takes time: twelve hours from then on are more than twelve hours since the message was received.
  connectMock(mock, embeddedSqs({ queues, queueUrlPrefix, onRequest: () => clock.advance(1) }));
  const queue = createSqsQueue({ client: new SQSClient({ region: 'us-east-1' }), queueUrlPrefix });
  return {
    queue,
    receive: async (name, max) => [...(await queue.receive(name, Math.min(max, LIMITS.batchSize)))],
    acknowledge: async (delivery) => queue.acknowledge(delivery.queue, delivery.receiptHandle),
    elapse: clock.advance,
    parked: async () => queues.contents(parking),
    close: async () => {
      mock.restore();
      queues.close();
    },
  };
});
