import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { StageFunction } from './lambda.ts';
import { acknowledge } from './nag.ts';
import type { Stage } from './stage.ts';

export interface FeedProps {
  readonly stage: Stage;
  readonly queue: IQueue;
  readonly settings: { readonly batchSize: number; readonly maxConcurrency: number };
  readonly id: string;
}

/** The mapping by which Lambda hands the messages of a queue to a function. */
export function feed(scope: Construct, fn: StageFunction, { stage, queue, settings, id }: FeedProps): void {
  const mapping = new EventSourceMapping(scope, id, {
    target: fn.lambda,
    eventSourceArn: queue.queueArn,
    ...settings,
    reportBatchItemFailures: true,
    // Said even where it is the default: CloudFormation leaves a mapping off if the template merely stops to say that it is.
    enabled: stage.settings.paused !== true,
  });
  // Lambda refuses a mapping to a queue that its role may not read.
  mapping.node.addDependency(fn.role);
  acknowledge(
    mapping,
    'Serverless-LambdaEventSourceMappingDestination',
    'the rule is for streams: what the function does not take goes where the queue redrives to',
  );
}
