import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { ENV, TOPICS, type Topic as TopicKind } from '../contract/names.ts';
import { type StageFunction, through } from './lambda.ts';
import { acknowledge } from './nag.ts';
import { physicalName, type Stage } from './stage.ts';

/** The topics that people on call listen to: what is told of failures can never take the alarms with it. */
export interface OnCallTopics {
  readonly alarms: ITopic;
  readonly failures: ITopic;
}

/** The topics of a stage, or those of the team's own. `key` encrypts the stage's; undefined where AWS's own does. */
export function onCallTopics(scope: Construct, stage: Stage, key: IKey | undefined): OnCallTopics {
  const { onCall } = stage.settings;
  if (typeof onCall === 'object' && 'topicArn' in onCall) {
    return {
      alarms: Topic.fromTopicArn(scope, 'OnCall', onCall.topicArn),
      failures: Topic.fromTopicArn(scope, 'Failures', onCall.failuresTopicArn),
    };
  }
  const alarms = makeTopic(scope, 'OnCall', { stage, key, kind: 'alarms' });
  // A policy of its own replaces the default policy, which lets the services of the account publish.
  alarms.addToResourcePolicy(alarmsMay(scope, ['sns:Publish'], [alarms.topicArn]));
  return { alarms, failures: makeTopic(scope, 'Failures', { stage, key, kind: 'failures' }) };
}

function makeTopic(
  scope: Construct,
  id: string,
  { stage, key, kind }: { readonly stage: Stage; readonly key: IKey | undefined; readonly kind: TopicKind },
): Topic {
  const { onCall } = stage.settings;
  const topic = new Topic(scope, id, {
    topicName: physicalName(stage.name, TOPICS[kind]),
    displayName: `Stepline ${stage.name}`,
    ...(key === undefined ? {} : { masterKey: key }),
    enforceSSL: true,
  });
  if (typeof onCall === 'object' && 'email' in onCall) {
    acknowledge(
      topic.addSubscription(new EmailSubscription(onCall.email)),
      'Serverless-SNSRedrivePolicy',
      'SNS tries a mail for hours; what it tells of stays in the table and in the alarm',
    );
  }
  return topic;
}

/** Lets the alarms of this account, and of no other, do what they need to tell on-call. */
export const alarmsMay = (scope: Construct, actions: string[], resources: string[]): PolicyStatement =>
  new PolicyStatement({
    sid: 'AlarmsTellOnCall',
    principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
    actions,
    resources,
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });

/** What a function needs to know that tells of failures. */
export const tellingEnvironment = (
  stage: Stage,
  { failures }: OnCallTopics,
): Readonly<Record<string, string>> => ({
  [ENV.failuresTopicArn]: failures.topicArn,
  [ENV.runbookUrl]: stage.settings.runbookUrl,
});

/** Lets a function tell of failures. */
export function allowTelling(
  fn: StageFunction,
  stage: Stage,
  { failures }: OnCallTopics,
  key: IKey | undefined,
): void {
  fn.allow(['sns:Publish'], [failures.topicArn]);
  const { onCall } = stage.settings;
  const keyArn = typeof onCall === 'object' && 'topicArn' in onCall ? onCall.keyArn : key?.keyArn;
  if (keyArn !== undefined) fn.allow(['kms:Decrypt', 'kms:GenerateDataKey'], [keyArn], through(fn, 'sns'));
}
