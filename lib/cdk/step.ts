import { Duration } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { StepPlace } from '../chain/places.ts';
import { DEAD_LETTER_SETTINGS } from '../chain/settings.ts';
import { deadLetterQueue, ENV, PARKING, stepQueue } from '../contract/names.ts';
import { allowQueues, allowTable, CONSUME, HOLD, SEND } from './access.ts';
import type { Foundation } from './foundation.ts';
import { StageFunction } from './lambda.ts';
import type { StageAlarm } from './monitoring/alarms/alarm.ts';
import { stepAlarms } from './monitoring/alarms/step.ts';
import { acknowledge } from './nag.ts';
import { queueName } from './stage.ts';
import { allowSecrets, targetsEnvironment, targetsOf } from './targets.ts';

/** Said even where it is the default: CloudFormation leaves a mapping off if the template merely stops to say that it is. */
const isRunning = ({ stage }: Foundation): boolean => stage.settings.paused !== true;

/** The rule is for streams; a queue has a redrive policy instead. */
const NO_DESTINATION = 'Serverless-LambdaEventSourceMappingDestination';

export interface StepProps {
  readonly foundation: Foundation;
  readonly place: StepPlace;
  /** The module with the chain's definitions. */
  readonly chains: string;
}

/**
 * One step of a chain: its queue, its dead-letter queue, its function, the mappings of both queues, and its alarms. The function may
 * use the table, send to the steps directly after it, to its own dead letters and to the parking queue, and read its own targets'
 * secrets.
 */
export class Step extends Construct {
  readonly place: StepPlace;
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly function: StageFunction;
  readonly alarms: readonly StageAlarm[];

  constructor(scope: Construct, id: string, { foundation, place, chains }: StepProps) {
    super(scope, id);
    this.place = place;
    this.deadLetters = this.makeDeadLetters(foundation);
    this.queue = this.makeQueue(foundation);
    this.function = this.makeFunction(foundation, chains);
    this.feedFunction(foundation);
    this.feedStepFailed(foundation);
    this.alarms = stepAlarms(this, foundation);
  }

  private makeDeadLetters({ stage, parking }: Foundation): Queue {
    return new Queue(this, 'DeadLetters', {
      queueName: queueName(stage.name, deadLetterQueue(this.place)),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.seconds(this.place.settings.deadLetterRetention),
      visibilityTimeout: Duration.seconds(DEAD_LETTER_SETTINGS.visibilityTimeout),
      deadLetterQueue: { queue: parking, maxReceiveCount: DEAD_LETTER_SETTINGS.maxReceiveCount },
    });
  }

  private makeQueue({ stage }: Foundation): Queue {
    const { retention, visibilityTimeout, maxReceiveCount } = this.place.settings;
    return new Queue(this, 'Queue', {
      queueName: queueName(stage.name, stepQueue(this.place)),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.seconds(retention),
      visibilityTimeout: Duration.seconds(visibilityTimeout),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount },
    });
  }

  private makeFunction(foundation: Foundation, chains: string): StageFunction {
    const { stage } = foundation;
    const { chain, step, next, settings } = this.place;
    const targets = targetsOf(stage, this.place);
    const fn = new StageFunction(this, 'Worker', {
      stage,
      nameParts: [chain, step],
      entry: 'step',
      chains,
      timeout: settings.functionTimeout,
      environment: {
        ...foundation.environment,
        [ENV.chain]: chain,
        [ENV.step]: step,
        [ENV.targets]: targetsEnvironment(targets),
      },
      description: `The step ${step} of ${chain}`,
    });
    allowTable(fn, foundation, ['load', 'write']);
    allowQueues(fn, stage, SEND, [
      ...next.map((after) => stepQueue({ chain, step: after })),
      deadLetterQueue(this.place),
      PARKING,
    ]);
    allowQueues(fn, stage, [...CONSUME, ...HOLD], [stepQueue(this.place)]);
    allowSecrets(fn, targets);
    return fn;
  }

  private feedFunction(foundation: Foundation): void {
    const { stage } = foundation;
    const { batchSize, maxConcurrency = stage.settings.concurrency } = this.place.settings;
    const mapping = new EventSourceMapping(this, 'Mapping', {
      target: this.function.lambda,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      maxConcurrency,
      reportBatchItemFailures: true,
      enabled: isRunning(foundation),
    });
    // Lambda refuses a mapping to a queue that its role may not read.
    mapping.node.addDependency(this.function.role);
    acknowledge(mapping, NO_DESTINATION, 'what the function does not take goes to the dead-letter queue');
  }

  private feedStepFailed(foundation: Foundation): void {
    const { stepFailed } = foundation;
    const mapping = new EventSourceMapping(this, 'DeadLetterMapping', {
      target: stepFailed.lambda,
      eventSourceArn: this.deadLetters.queueArn,
      batchSize: DEAD_LETTER_SETTINGS.batchSize,
      maxConcurrency: DEAD_LETTER_SETTINGS.maxConcurrency,
      reportBatchItemFailures: true,
      enabled: isRunning(foundation),
    });
    mapping.node.addDependency(stepFailed.role);
    acknowledge(mapping, NO_DESTINATION, 'what the function does not take goes to the parking queue');
  }
}
