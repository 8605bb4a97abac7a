import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { ENV } from '../../contract/names.ts';
import type { WorkflowAnswer } from '../../contract/wire.ts';
import { failing as chain } from '../chains.ts';
import type { Change } from '../changes.ts';
import { attemptsOf, type Check, ended, milliseconds, type Probe, resume, start, wait } from '../probe.ts';
import { counting, type Finding, failed, passed, seconds, unknown } from '../report.ts';

/** Milliseconds: longer than two attempts, one second apart, and the dead letter take. */
const FAILS_FOR = 30_000;
const ENDED_WITHIN = 180_000;
const TOLD_WITHIN = 120_000;
/** Seconds: SQS's most for one receive. */
const LONG_POLL = 20;

const [STEP] = chain.steps;
if (STEP === undefined) throw new Error('the chain has no steps');
const ATTEMPTS = STEP.retries + 1;

export interface DeadLetterSeen {
  readonly before: WorkflowAnswer;
  /** Milliseconds from the workflow's last change until on-call was told; undefined where nobody was. */
  readonly toldAfter: number | undefined;
  readonly after: WorkflowAnswer;
}

/** @example judgeDeadLetter({ before, toldAfter: undefined, after }).verdict // 'failed' */
export function judgeDeadLetter({ before, toldAfter, after }: DeadLetterSeen): Finding {
  const first = attemptsOf(before).length;
  const second = attemptsOf(after).filter(({ epoch }) => epoch > 0).length;
  const told =
    toldAfter === undefined ? 'on-call was not told' : `on-call was told ${seconds(toldAfter)} later`;
  const story = `after ${counting(first, 'attempt')} the workflow was ${before.status} (${before.error?.code ?? 'no error'}); ${told}; resumed, it is ${after.status} with ${counting(second, 'attempt')} more`;
  if (before.status === 'completed') {
    return unknown(story, 'Run it again: its function started too late to use up its attempts.');
  }
  const wrong =
    before.status !== 'failed' ||
    first !== ATTEMPTS ||
    after.status !== 'completed' ||
    toldAfter === undefined;
  return wrong
    ? failed(story, 'See the step-failed function’s log, and whether its topic and key let it publish.')
    : passed(story);
}

export const deadLetter: Check = {
  name: 'dead-letter',
  shows: 'a step without attempts left fails its workflow, on-call is told, and a resume completes it',
  run: (probe) => {
    const hearing = listener(probe);
    return probe.changes.while(hearing, async () => {
      const failUntil = Date.now() + FAILS_FOR;
      const id = await start(probe, chain, { failUntil });
      const before = await ended(probe, id, ENDED_WITHIN);
      const toldAt = before.status === 'failed' ? await told(probe, hearing.url(), id) : undefined;
      await wait(probe, Math.max(0, failUntil - Date.now()));
      await resume(probe, id);
      const after = await ended(probe, id, ENDED_WITHIN);
      const toldAfter =
        toldAt === undefined ? undefined : Math.max(0, toldAt - milliseconds(before.updatedAt));
      return judgeDeadLetter({ before, toldAfter, after });
    });
  },
};

/** When a message about the workflow came. */
async function told({ sqs, signal }: Probe, QueueUrl: string, id: string): Promise<number | undefined> {
  const end = Date.now() + TOLD_WITHIN;
  while (Date.now() < end) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: LONG_POLL, MaxNumberOfMessages: 10 }),
      { abortSignal: signal },
    );
    if (Messages.some(({ Body = '' }) => Body.includes(id))) return Date.now();
  }
  return undefined;
}

interface Listener extends Change {
  url(): string;
}

/** A queue that hears what the stage's topic says. */
function listener({ lambda, sns, sqs, prefix }: Probe): Listener {
  const QueueName = `${prefix}listener`;
  let queueUrl = '';
  let subscription: string | undefined;
  return {
    url: () => queueUrl,
    command: `aws sqs delete-queue --queue-url $(aws sqs get-queue-url --queue-name ${QueueName} --query QueueUrl --output text)`,
    apply: async () => {
      const { Environment } = await lambda.send(
        new GetFunctionConfigurationCommand({ FunctionName: `${prefix}step-failed` }),
      );
      const TopicArn = Environment?.Variables?.[ENV.failuresTopicArn] ?? '';
      const [, partition, , region, account] = TopicArn.split(':');
      const queueArn = `arn:${partition}:sqs:${region}:${account}:${QueueName}`;
      const Attributes = { Policy: policyOf(queueArn, TopicArn), MessageRetentionPeriod: '3600' };
      const created = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
      queueUrl = created.QueueUrl ?? '';
      const subscribed = await sns.send(
        new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queueArn, ReturnSubscriptionArn: true }),
      );
      subscription = subscribed.SubscriptionArn;
    },
    back: async () => {
      if (subscription !== undefined)
        await sns.send(new UnsubscribeCommand({ SubscriptionArn: subscription }));
      if (queueUrl !== '') await sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    },
  };
}

const policyOf = (queueArn: string, topicArn: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'sns.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
      },
    ],
  });
