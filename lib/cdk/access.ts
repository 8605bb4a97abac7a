import { Stack, Token } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { deadLetterQueue, type QueueName, stepQueue } from '../contract/names.ts';
import { INDEX_NAMES, WAITS_PARTITION } from '../contract/table.ts';
import { type StageFunction, through } from './lambda.ts';
import { acknowledge } from './nag.ts';
import { queueName, type Stage } from './stage.ts';

/** Requests to the table or to one index of it. */
interface Use {
  readonly actions: readonly string[];
  readonly index?: string;
  /** Only items under this partition key; left out for all. */
  readonly partition?: string;
}

/** What the engine does with the table. */
const TABLE_USES = {
  /** Loads a workflow. */
  load: { actions: ['dynamodb:Query'] },
  /** Writes conditionally, and reads the item itself where a failed condition brings none. */
  write: { actions: ['dynamodb:PutItem', 'dynamodb:GetItem'] },
  /** Takes a place to wait, and gives it back. It may write nothing else. */
  wait: { actions: ['dynamodb:PutItem', 'dynamodb:GetItem'], partition: WAITS_PARTITION },
  list: { actions: ['dynamodb:Query'], index: INDEX_NAMES.listing },
  /** Reads the status of listed workflows, which the index does not hold. */
  listStatus: { actions: ['dynamodb:BatchGetItem'] },
  listDue: { actions: ['dynamodb:Query'], index: INDEX_NAMES.due },
} as const satisfies Readonly<Record<string, Use>>;
export type TableUse = keyof typeof TABLE_USES;

/** Source: "DynamoDB encryption at rest: usage notes", what a caller of an encrypted table needs of the key. */
const KEY_ACTIONS = ['kms:Decrypt', 'kms:DescribeKey'] as const;
const KEY_WRITE_ACTIONS = [
  ...KEY_ACTIONS,
  ...['kms:Encrypt', 'kms:ReEncryptFrom', 'kms:ReEncryptTo', 'kms:GenerateDataKey'],
] as const;

/** Lets a function use the table in these ways, and the key of the table only through DynamoDB. */
export function allowTable(
  fn: StageFunction,
  { table, tableKey }: { readonly table: Pick<ITable, 'tableArn'>; readonly tableKey: IKey | undefined },
  uses: readonly TableUse[],
): void {
  for (const { actions, index, partition } of uses.map((use): Use => TABLE_USES[use])) {
    const resource = index === undefined ? table.tableArn : `${table.tableArn}/index/${index}`;
    fn.allow(actions, [resource], partition === undefined ? {} : onlyOf(partition));
  }
  if (tableKey === undefined) return;
  fn.allow(
    uses.some((use) => use === 'write' || use === 'wait') ? KEY_WRITE_ACTIONS : KEY_ACTIONS,
    [tableKey.keyArn],
    through(fn, 'dynamodb'),
  );
}

/** Source: "Using IAM policy conditions for fine-grained access control", DynamoDB Developer Guide. */
const onlyOf = (partition: string) => ({
  'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [partition] },
  // A request without keys would pass the condition above.
  Null: { 'dynamodb:LeadingKeys': 'false' },
});

/** ARNs in one statement. With more, the statement would not fit into a managed policy of 6,144 characters. */
const RESOURCES_AT_ONCE = 50;

/** Lets a function do `actions` to queues of the stage. They are given by name, because they may be in other stacks. */
export function allowQueues(
  fn: StageFunction,
  stage: Stage,
  actions: readonly string[],
  queues: readonly QueueName[],
): void {
  for (let first = 0; first < queues.length; first += RESOURCES_AT_ONCE) {
    const some = queues.slice(first, first + RESOURCES_AT_ONCE);
    fn.allow(
      actions,
      some.map((queue) => queueArn(fn, stage, queue)),
    );
  }
}

/** Stands for every chain, and every step of it. */
const EVERY = { chain: '*', step: '*' } as const;
const EVERY_QUEUE = {
  /** Queues of steps, and of their dead letters. */
  steps: stepQueue(EVERY),
  deadLetters: deadLetterQueue(EVERY),
} as const;

/**
 * Lets a function do `actions` to all queues of the steps of a stage, by a pattern: a role holds ten managed policies of 6,144
 * characters, and the names of some hundred queues take more. Every name of a stage begins with the stage, so nobody else's queue fits.
 */
export function allowEveryQueue(
  fn: StageFunction,
  stage: Stage,
  actions: readonly string[],
  which: keyof typeof EVERY_QUEUE,
): void {
  const queue = EVERY_QUEUE[which];
  fn.allow(actions, [queueArn(fn, stage, queue)]);
  acknowledge(
    fn.role,
    `AwsSolutions-IAM5[Resource::${patternOf(fn, stage, queue)}]`,
    'it handles every step of the stage; all queues of the stage have names that begin like this, and no others do',
  );
}

/** The pattern as cdk-nag writes it: what CloudFormation fills in stands in angle brackets. */
function patternOf(fn: StageFunction, stage: Stage, queue: QueueName): string {
  const { partition, region, account } = Stack.of(fn);
  const known = (value: string, name: string): string =>
    Token.isUnresolved(value) ? `<AWS::${name}>` : value;
  return [
    'arn',
    known(partition, 'Partition'),
    'sqs',
    known(region, 'Region'),
    known(account, 'AccountId'),
    queueName(stage.name, queue),
  ].join(':');
}

export const queueArn = (scope: StageFunction, stage: Stage, queue: QueueName): string =>
  Stack.of(scope).formatArn({ service: 'sqs', resource: queueName(stage.name, queue) });

export const SEND = ['sqs:SendMessage'] as const;
/** Takes messages from a queue, and hides them for longer. */
export const TAKE = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'] as const;
/** The same for a function that a mapping feeds: the mapping looks at the queue, too. */
export const CONSUME = [...TAKE, 'sqs:GetQueueAttributes'] as const;
