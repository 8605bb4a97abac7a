import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { StepPlace } from '../chain/places.ts';
import { deadLetterQueue, ENV, PARKING, STEP_FAILED, stepQueue } from '../contract/names.ts';
import { allowQueues, allowTable, CONSUME, SEND } from './access.ts';
import { deadLetterProps, type Foundation } from './foundation.ts';
import { StageFunction } from './lambda.ts';
import { feed } from './mapping.ts';
import type { StageAlarm } from './monitoring/alarms/alarm.ts';
import { stepAlarms } from './monitoring/alarms/step.ts';
import { queueName } from './stage.ts';
import { allowTargets, modulesOf, secretsOf, targetsOf } from './targets.ts';

export interface StepProps {
  readonly foundation: Foundation;
  readonly place: StepPlace;
  /** The module with the chain's definitions. */
  readonly chains: string;
}

/**
 * One step of a chain: its queue, the dead-letter queue that the reconciler empties, its function, the mapping of its queue, and its
 * alarms. The function may use the table, send to the steps directly after it (where the chain has an undo: to itself and all before and after it),
 * to the step-failed queue and to the parking queue, and read the secrets of its own targets and of those that its undo and its lookup call.
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
    this.deadLetters = new Queue(this, 'DeadLetters', deadLetterProps(foundation, deadLetterQueue(place)));
    this.queue = this.makeQueue(foundation);
    this.function = this.makeFunction(foundation, chains);
    const { stage } = foundation;
    const { batchSize, maxConcurrency = stage.settings.concurrency } = place.settings;
    feed(this, this.function, {
      stage,
      queue: this.queue,
      settings: { batchSize, maxConcurrency },
      id: 'Mapping',
    });
    this.alarms = stepAlarms(this, foundation);
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
    const { chain, step, next, undoNeighbours, settings } = this.place;
    const targets = targetsOf(stage, this.place);
    const secrets = secretsOf(stage, this.place);
    const fn = new StageFunction(this, 'Worker', {
      stage,
      nameParts: [chain, step],
      entry: 'step',
      chains,
      modules: modulesOf(targets, secrets),
      timeout: settings.functionTimeout,
      network: foundation.network,
      environment: {
        ...foundation.environment,
        [ENV.chain]: chain,
        [ENV.step]: step,
        [ENV.targets]: JSON.stringify(targets),
        ...(this.place.secrets.length === 0 ? {} : { [ENV.secrets]: JSON.stringify(secrets) }),
      },
      description: `The step ${step} of ${chain}`,
    });
    allowTable(fn, foundation, ['load', 'write']);
    // Where the chain has an undo, whoever undoes a step queues what is next: it may be any of those before it and after it, and the step itself.
    // A lookup needs no more: what it finds leads on as a step that completed, or as one that is undone.
    const sendsTo = [...new Set([...next, ...undoNeighbours])];
    allowQueues(fn, stage, SEND, [
      ...sendsTo.map((other) => stepQueue({ chain, step: other })),
      STEP_FAILED,
      PARKING,
    ]);
    allowQueues(fn, stage, CONSUME, [stepQueue(this.place)]);
    allowTargets(fn, targets, secrets);
    // What is sent to a queue that is not there yet would have to be sent again.
    fn.lambda.node.addDependency(foundation.deadLetters);
    return fn;
  }
}
