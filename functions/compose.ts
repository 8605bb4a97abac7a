import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { createDynamoDbStore } from '../lib/adapters/dynamodb-store.ts';
import { createHttpClient } from '../lib/adapters/http-client.ts';
import { createLambdaTelemetry } from '../lib/adapters/lambda-telemetry.ts';
import { createSettingsTargets, parseTargets } from '../lib/adapters/settings-targets.ts';
import { createSnsNotifier } from '../lib/adapters/sns-notifier.ts';
import { createSqsQueue } from '../lib/adapters/sqs-queue.ts';
import { systemClock, systemRandom } from '../lib/adapters/system.ts';
import { registry } from '../lib/chain/registry.ts';
import { ENV, parseQueueSuffix, type QueueName } from '../lib/contract/names.ts';
import { EngineError } from '../lib/engine/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../lib/engine/events.ts';
import type { Ports } from '../lib/engine/ports.ts';
import type { ReconcilerEngine } from '../lib/engine/reconciler.ts';
import type { StepFailedEngine } from '../lib/engine/step-failed.ts';
import type { WorkerEngine } from '../lib/engine/worker.ts';
import { chains } from './chains/index.ts';
import type { Service } from './handlers.ts';

/*
 * The composition root of the Lambda functions: each takes what it uses and nothing else, so that a bundle holds no more.
 * Errors of every function here: `EngineError` `CONFIGURATION`, which names the environment variable.
 */

/**
 * The SDK's own retries stay well within a function's margin of 15 s. Without these bounds a connection that hangs would
 * take all of it. Milliseconds.
 */
const BOUNDS = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000 } };

/** What the API functions run on. */
export const apiService = (): Service => ({
  chains: registry(chains),
  ports: { ...commonPorts(), random: systemRandom },
});

/** What a step function runs on. */
export const workerEngine = (): WorkerEngine => ({
  chains: registry(chains),
  ports: {
    ...commonPorts(),
    random: systemRandom,
    http: createHttpClient(),
    targets: createSettingsTargets(parseTargets(targetSettings(), process.env)),
  },
});

/** What the step-failed function runs on. */
export const stepFailedEngine = (): StepFailedEngine => ({
  chains: registry(chains),
  ports: {
    ...commonPorts(),
    notifier: createSnsNotifier({
      client: new SNSClient(BOUNDS),
      topicArn: variable(ENV.topicArn),
      stage: variable(ENV.stage),
    }),
  },
});

/** What the reconciler runs on. */
export const reconcilerEngine = (): ReconcilerEngine => ({ chains: registry(chains), ports: commonPorts() });

/** The queue that feeds this step function. */
export const ownQueue = (): QueueName => ({
  chain: variable(ENV.chain),
  step: variable(ENV.step),
  kind: 'step',
});

/**
 * The queue behind an event source.
 * @example queueOf('arn:aws:sqs:eu-central-1:123456789012:stepline_dev_order-processing_payment_dlq')
 * // { chain: 'order-processing', step: 'payment', kind: 'deadLetter' }
 */
export function queueOf(eventSourceArn: string): QueueName {
  const prefix = variable(ENV.queueUrlPrefix);
  const name = eventSourceArn.slice(eventSourceArn.lastIndexOf(':') + 1);
  const queue = parseQueueSuffix(name.slice(prefix.length - prefix.lastIndexOf('/') - 1));
  if (queue !== undefined) return queue;
  throw new EngineError('CONFIGURATION', `${eventSourceArn} is not a queue of this stage`);
}

const commonPorts = (): Pick<Ports, 'store' | 'queue' | 'clock' | 'telemetry'> => ({
  store: createDynamoDbStore({ client: new DynamoDBClient(BOUNDS), tableName: variable(ENV.tableName) }),
  queue: createSqsQueue({ client: new SQSClient(BOUNDS), queueUrlPrefix: variable(ENV.queueUrlPrefix) }),
  clock: systemClock,
  telemetry: createLambdaTelemetry({ stage: variable(ENV.stage), logLevel: logLevel() }),
});

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new EngineError('CONFIGURATION', `the environment variable ${name} is not set`);
}

function targetSettings(): unknown {
  try {
    return JSON.parse(variable(ENV.targets));
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError('CONFIGURATION', `the environment variable ${ENV.targets} is not JSON`);
  }
}

function logLevel(): LogLevel {
  const wanted = process.env[ENV.logLevel] ?? 'info';
  const level = LOG_LEVELS.find((known) => known === wanted);
  if (level !== undefined) return level;
  throw new EngineError(
    'CONFIGURATION',
    `the environment variable ${ENV.logLevel} is "${wanted}"; it must be one of ${LOG_LEVELS.join(', ')}`,
  );
}
