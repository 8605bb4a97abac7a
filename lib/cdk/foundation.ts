import { Duration, Fn } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  type ITable,
  ProjectionType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DEAD_LETTER_SETTINGS } from '../chain/settings.ts';
import { LIMITS } from '../contract/limits.ts';
import { ENV, PARKING, type QueueName, STEP_FAILED } from '../contract/names.ts';
import { TABLE_SCHEMA } from '../contract/table.ts';
import { allowEveryQueue, allowQueues, allowTable, CONSUME, SEND, TAKE } from './access.ts';
import { removalOf, StageFunction } from './lambda.ts';
import { feed } from './mapping.ts';
import { chainsModule } from './modules.ts';
import type { StageAlarm } from './monitoring/alarms/alarm.ts';
import { foundationAlarms } from './monitoring/alarms/foundation.ts';
import { acknowledge } from './nag.ts';
import { Network } from './network.ts';
import { alarmsMay, allowTelling, type OnCallTopics, onCallTopics, tellingEnvironment } from './on-call.ts';
import { reserveOf } from './reserve.ts';
import { physicalName, queueName, type Stage, tableName } from './stage.ts';

/**
 * What all chains of a stage share: the table and its key, the topics of on-call, the parking queue, the step-failed function with its
 * queue, and the reconciler.
 * @example const foundation = new Foundation(this, 'Foundation', { stage });
 */
export class Foundation extends Construct {
  readonly stage: Stage;
  /** Undefined where the stage is encrypted with a key of AWS's own. */
  readonly key: Key | undefined;
  readonly table: Pick<ITable, 'tableName' | 'tableArn'>;
  /** The key that encrypts the table; undefined where that is AWS's own. */
  readonly tableKey: IKey | undefined;
  readonly parking: Queue;
  /** Where every dead letter goes that our functions send. */
  readonly deadLetters: Queue;
  readonly topics: OnCallTopics;
  /** Where alarms are told. */
  readonly onCall: ITopic;
  readonly stepFailed: StageFunction;
  readonly reconciler: StageFunction;
  readonly alarms: readonly StageAlarm[];
  /** The module with all chains of the stage. */
  readonly chains: string;
  /** How steps reach their targets. */
  readonly network: Network;
  /** What every function of the stage needs to know. */
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, { stage }: { readonly stage: Stage }) {
    super(scope, id);
    this.stage = stage;
    const { existing, encryption } = stage.settings;
    this.key = encryption === 'aws-owned' ? undefined : this.makeKey();
    this.tableKey = existing === undefined ? this.key : this.existingKey(existing.keyArn);
    this.table = existing === undefined ? this.makeTable() : this.existingTable(existing.table);
    this.parking = this.makeParking();
    this.deadLetters = new Queue(this, 'DeadLetters', deadLetterProps(this, STEP_FAILED));
    this.topics = onCallTopics(this, stage, this.key);
    this.onCall = this.topics.alarms;
    this.environment = {
      [ENV.tableName]: this.table.tableName,
      // The URLs of all queues of the stage begin like this one, in every partition of AWS.
      [ENV.queueUrlPrefix]: Fn.select(0, Fn.split(PARKING.kind, this.parking.queueUrl)),
    };
    this.network = new Network(this, 'Network', { stage });
    // No chain can have this name.
    this.chains = chainsModule(this, '_all', stage.chains);
    this.stepFailed = this.makeStepFailed();
    this.reconciler = this.makeReconciler();
    this.alarms = foundationAlarms(this);
  }

  private makeKey(): Key {
    const key = new Key(this, 'Key', {
      alias: physicalName(this.stage.name),
      description: `Encrypts the workflows and the on-call topics of Stepline's stage ${this.stage.name}`,
      enableKeyRotation: true,
      removalPolicy: removalOf(this.stage),
    });
    key.addToResourcePolicy(alarmsMay(this, ['kms:Decrypt', 'kms:GenerateDataKey*'], ['*']));
    return key;
  }

  private existingKey(arn: string | undefined): IKey | undefined {
    return arn === undefined ? undefined : Key.fromKeyArn(this, 'TableKey', arn);
  }

  private existingTable(name: string): Foundation['table'] {
    return Table.fromTableName(this, 'ExistingTable', name);
  }

  private makeTable(): Table {
    const { partitionKey, sortKey, indexes, timeToLive } = TABLE_SCHEMA;
    const table = new Table(this, 'Table', {
      tableName: tableName(this.stage),
      partitionKey: attribute(partitionKey),
      sortKey: attribute(sortKey),
      billingMode: BillingMode.PAY_PER_REQUEST,
      ...(this.key === undefined
        ? { encryption: TableEncryption.DEFAULT }
        : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: this.key }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: timeToLive,
      deletionProtection: this.stage.settings.removal === 'retain',
      removalPolicy: removalOf(this.stage),
    });
    for (const index of indexes) {
      table.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: attribute(index.partitionKey),
        sortKey: attribute(index.sortKey),
        ...(index.projected.length === 0
          ? { projectionType: ProjectionType.KEYS_ONLY }
          : { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...index.projected] }),
      });
    }
    return table;
  }

  private makeParking(): Queue {
    const parking = new Queue(this, 'Parking', {
      queueName: queueName(this.stage.name, PARKING),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.seconds(LIMITS.deadLetterRetention),
    });
    for (const id of ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy']) {
      acknowledge(parking, id, 'it is where messages end that nothing else can take; an alarm watches it');
    }
    return parking;
  }

  private makeStepFailed(): StageFunction {
    const fn = new StageFunction(this, 'StepFailed', {
      stage: this.stage,
      nameParts: ['step-failed'],
      entry: 'step-failed',
      chains: this.chains,
      timeout: DEAD_LETTER_SETTINGS.functionTimeout,
      reserve: reserveOf(this.stage).stepFailed,
      environment: {
        ...this.environment,
        ...tellingEnvironment(this.stage, this.topics),
      },
      description: 'Marks workflows failed, tells on-call, and queues again what no function could take',
    });
    allowTable(fn, this, ['load', 'write']);
    allowQueues(fn, this.stage, SEND, [PARKING]);
    allowEveryQueue(fn, this.stage, SEND, 'steps');
    allowQueues(fn, this.stage, CONSUME, [STEP_FAILED]);
    allowTelling(fn, this.stage, this.topics, this.key);
    feed(this, fn, {
      stage: this.stage,
      queue: this.deadLetters,
      settings: DEAD_LETTER_SETTINGS,
      id: 'DeadLetterMapping',
    });
    return fn;
  }

  private makeReconciler(): StageFunction {
    const fn = new StageFunction(this, 'Reconciler', {
      stage: this.stage,
      nameParts: ['reconciler'],
      entry: 'reconciler',
      chains: this.chains,
      timeout: LIMITS.reconcileInterval,
      reserve: reserveOf(this.stage).reconciler,
      environment: { ...this.environment, ...tellingEnvironment(this.stage, this.topics) },
      description: 'Every minute: queues again what was lost, and tells on-call of what failed',
      untraced: 'it runs every minute whether anything happens or not, and its log tells what it did',
    });
    allowTable(fn, this, ['load', 'write', 'listDue']);
    allowEveryQueue(fn, this.stage, SEND, 'steps');
    allowQueues(fn, this.stage, SEND, [STEP_FAILED, PARKING]);
    allowEveryQueue(fn, this.stage, TAKE, 'deadLetters');
    allowTelling(fn, this.stage, this.topics, this.key);
    // The next minute brings the next run, so a late run is worth nothing.
    fn.lambda.configureAsyncInvoke({ retryAttempts: 0 });
    acknowledge(
      fn.lambda,
      'Serverless-LambdaAsyncFailureDestination',
      'the next minute brings the next run; an alarm tells of missing ones',
    );
    const rule = new Rule(this, 'EveryMinute', {
      ruleName: physicalName(this.stage.name, 'reconciler'),
      schedule: Schedule.rate(Duration.seconds(LIMITS.reconcileInterval)),
      enabled: this.stage.settings.paused !== true,
      targets: [new LambdaFunction(fn.lambda, { retryAttempts: 0 })],
    });
    acknowledge(
      rule,
      'Serverless-EventBusDLQ',
      'the next minute brings the next run; an alarm tells of missing ones',
    );
    return fn;
  }
}

/** A queue of dead letters. What is received from it in vain again and again is parked. */
export const deadLetterProps = (
  { stage, parking }: Pick<Foundation, 'stage' | 'parking'>,
  queue: QueueName,
): QueueProps => ({
  queueName: queueName(stage.name, queue),
  encryption: QueueEncryption.SQS_MANAGED,
  enforceSSL: true,
  retentionPeriod: Duration.seconds(DEAD_LETTER_SETTINGS.retention),
  visibilityTimeout: Duration.seconds(DEAD_LETTER_SETTINGS.visibilityTimeout),
  deadLetterQueue: { queue: parking, maxReceiveCount: DEAD_LETTER_SETTINGS.maxReceiveCount },
});

const ATTRIBUTE_TYPES = { S: AttributeType.STRING, N: AttributeType.NUMBER } as const;

const attribute = ({ name, type }: (typeof TABLE_SCHEMA)['partitionKey']) => ({
  name,
  type: ATTRIBUTE_TYPES[type],
});
