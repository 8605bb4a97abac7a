import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { authKinds } from '#auth';
import { chains } from '#chains';
import { proxiesOf } from '#proxy';
import { stores } from '#stores';
import { createDynamoDbStore } from '../lib/adapters/dynamodb/store.ts';
import { createPollingWatch } from '../lib/adapters/dynamodb/watch.ts';
import { createHttpClient } from '../lib/adapters/http/client.ts';
import { createLambdaTelemetry } from '../lib/adapters/lambda/telemetry.ts';
import { createSnsNotifier } from '../lib/adapters/sns-notifier.ts';
import { createSqsQueue } from '../lib/adapters/sqs/queue.ts';
import { systemClock, systemRandom } from '../lib/adapters/system.ts';
import { parseTargets, type TargetSettings } from '../lib/adapters/targets/settings.ts';
import { createSecretReader } from '../lib/adapters/targets/stores/reader.ts';
import { createTargets } from '../lib/adapters/targets/targets.ts';
import { type Registry, registry } from '../lib/chain/registry.ts';
import { isBackoffScale, withBackoffScale } from '../lib/chain/settings.ts';
import { ENV, LOG_LEVELS, MONITORING, parseQueueSuffix, type QueueName } from '../lib/contract/names.ts';
import { type SecretSource, secretSources } from '../lib/contract/secrets.ts';
import { EngineError } from '../lib/engine/errors.ts';
import type { Notifier, Ports, Watch } from '../lib/engine/ports.ts';
import type { ReconcilerEngine } from '../lib/engine/reconciler.ts';
import type { StepFailedEngine } from '../lib/engine/step-failed.ts';
import type { WorkerEngine } from '../lib/engine/worker.ts';
import type { Service } from './handlers.ts';

/*
 * The composition root of the Lambda functions: each takes what it uses and nothing else, so that a bundle holds no more.
 * Errors of every function here: `EngineError` `CONFIGURATION`, which names the environment variable.
 */

/**
 * The SDK's own retries stay well within a function's margin of 15 s. Without these bounds a connection that hangs would
 * take all of it. Milliseconds. `requestTimeout` ends with the headers of a reply and by itself only warns;
 * `socketTimeout` is for a body that stops coming.
 */
export const BOUNDS = {
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: 1_000,
    requestTimeout: 3_000,
    throwOnRequestTimeout: true,
    socketTimeout: 3_000,
  },
};

/** What the API functions run on. */
export const apiService = (): Service => ({
  chains: deployed(),
  tenantClaim: tenantClaim(),
  ports: { ...commonPorts(), random: systemRandom },
});

/** How the reads of a stage wait for a change. */
export const watch = (): Watch =>
  createPollingWatch({
    client: new DynamoDBClient(BOUNDS),
    tableName: variable(ENV.tableName),
    places: waitPlaces(),
    clock: systemClock,
    random: systemRandom,
  });

/** What a step function runs on. */
export function workerEngine(): WorkerEngine {
  const common = commonPorts();
  const http = createHttpClient({ proxies: proxiesOf(process.env) });
  const targets = createTargets({
    settings: targetSettings(),
    secrets: secretSettings(),
    reader: createSecretReader(stores, BOUNDS),
    ...{ authKinds, http, clock: common.clock, env: process.env },
    remedy: (what, name) =>
      `Add "${name}" to the ${what}s of the stage in bin/stages.ts, name it in the ${what}s of the step, and deploy.`,
  });
  return { chains: deployed(), ports: { ...common, random: systemRandom, http, targets } };
}

/** What the step-failed function runs on. */
export const stepFailedEngine = (): StepFailedEngine => ({
  chains: deployed(),
  ports: { ...commonPorts(), random: systemRandom, notifier: notifier() },
});

/** What the reconciler runs on. */
export const reconcilerEngine = (): ReconcilerEngine => ({
  chains: deployed(),
  ports: { ...commonPorts(), random: systemRandom, notifier: notifier() },
});

/** The queue that feeds this step function. */
export function ownQueue(): QueueName {
  const chain = variable(ENV.chain);
  const step = variable(ENV.step);
  const steps = chains.filter(({ name }) => name === chain).flatMap((version) => version.steps);
  // Every message of a queue that is not the step's own would be parked.
  if (steps.length === 0) throw wrong(ENV.chain, `is "${chain}"; there is no such chain`);
  if (!steps.some(({ name }) => name === step)) {
    throw wrong(ENV.step, `is "${step}"; the chain "${chain}" has no such step`);
  }
  return { chain, step, kind: 'step' };
}

/**
 * The queue behind an event source.
 * @example queueOf('arn:aws:sqs:eu-central-1:123456789012:stepline_dev_step-failed') // { kind: 'stepFailed' }
 */
export function queueOf(eventSourceArn: string): QueueName {
  const url = queueUrlPrefix();
  const prefix = url.slice(url.lastIndexOf('/') + 1);
  const name = eventSourceArn.slice(eventSourceArn.lastIndexOf(':') + 1);
  const queue = name.startsWith(prefix) ? parseQueueSuffix(name.slice(prefix.length)) : undefined;
  if (queue !== undefined) return queue;
  throw new EngineError('CONFIGURATION', `${eventSourceArn} is not a queue of this stage`);
}

/** The chains of this stage: of one for tests with shorter waits. */
function deployed(): Registry {
  const scale = Number(process.env[ENV.backoffScale] ?? 1);
  if (isBackoffScale(scale)) return registry(withBackoffScale(chains, scale));
  throw wrong(
    ENV.backoffScale,
    `is "${process.env[ENV.backoffScale]}"; it must be a number above 0 and at most 1, or not be set at all`,
  );
}

const commonPorts = (): Pick<Ports, 'store' | 'queue' | 'clock' | 'telemetry'> => ({
  store: createDynamoDbStore({ client: new DynamoDBClient(BOUNDS), tableName: variable(ENV.tableName) }),
  queue: createSqsQueue({ client: new SQSClient(BOUNDS), queueUrlPrefix: queueUrlPrefix() }),
  clock: systemClock,
  telemetry: createLambdaTelemetry({
    stage: variable(ENV.stage),
    logLevel: oneOf(ENV.logLevel, LOG_LEVELS, 'info'),
    monitoring: oneOf(ENV.monitoring, MONITORING, 'full'),
  }),
});

const notifier = (): Notifier =>
  createSnsNotifier({
    client: new SNSClient(BOUNDS),
    topicArn: variable(ENV.failuresTopicArn),
    stage: variable(ENV.stage),
    runbookUrl: variable(ENV.runbookUrl),
  });

const wrong = (name: string, problem: string): EngineError =>
  new EngineError('CONFIGURATION', `the environment variable ${name} ${problem}`);

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw wrong(name, 'is not set');
}

function queueUrlPrefix(): string {
  const prefix = variable(ENV.queueUrlPrefix);
  if (URL.canParse(prefix)) return prefix;
  throw wrong(ENV.queueUrlPrefix, `is "${prefix}"; it must be the beginning of a queue's URL`);
}

function waitPlaces(): number {
  const places = variable(ENV.waitPlaces);
  if (/^\d{1,5}$/.test(places)) return Number(places);
  throw wrong(ENV.waitPlaces, `is "${places}"; it must be a whole number, 0 for none`);
}

function tenantClaim(): string | undefined {
  const claim = process.env[ENV.tenantClaim];
  // Taken for "not set", an empty name would put the workflows of all tenants together.
  if (claim === '') throw wrong(ENV.tenantClaim, 'is empty; it must name a claim, or not be set at all');
  return claim;
}

function targetSettings(): TargetSettings {
  const json = jsonIn(ENV.targets, variable(ENV.targets));
  try {
    return parseTargets(json, process.env);
  } catch (error) {
    if (error instanceof EngineError) throw wrong(ENV.targets, `is wrong: ${error.message}`);
    throw error;
  }
}

/** Those that the code of a `run` step may read: most read none. */
function secretSettings(): Readonly<Record<string, SecretSource>> {
  const parsed = secretSources.safeParse(jsonIn(ENV.secrets, process.env[ENV.secrets] ?? '{}'));
  if (parsed.success) return parsed.data;
  throw wrong(ENV.secrets, `is wrong: ${parsed.error.issues[0]?.message ?? 'invalid'}`);
}

function jsonIn(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(name, 'is not JSON');
  }
}

/** @param otherwise what counts where the variable is not set */
function oneOf<Word extends string>(name: string, words: readonly Word[], otherwise: NoInfer<Word>): Word {
  const wanted = process.env[name] ?? otherwise;
  const word = words.find((known) => known === wanted);
  if (word !== undefined) return word;
  throw wrong(name, `is "${wanted}"; it must be one of ${words.join(', ')}`);
}
