import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { nextOf } from '../contract/advice.ts';
import { RUNBOOK_WORKFLOW_FAILED } from '../contract/names.ts';
import { EngineError } from '../engine/errors.ts';
import type { Notification, Notifier } from '../engine/ports.ts';

export interface SnsOptions {
  readonly client: SNSClient;
  readonly topicArn: string;
  /** Named in the subject. */
  readonly stage: string;
  /** Where the runbook can be read, without a heading. */
  readonly runbookUrl: string;
}

/** SNS wants a subject of less than 100 characters of ASCII without line breaks. */
const SUBJECT_LENGTH = 99;

/**
 * Tells the people on call through an SNS topic, in words that can be read in a mail. A repeat has the same id.
 * @example createSnsNotifier({ client: new SNSClient({}), topicArn: 'arn:aws:sns:…', stage: 'dev', runbookUrl: 'https://…/runbook.md' })
 */
export function createSnsNotifier({ client, topicArn, stage, runbookUrl }: SnsOptions): Notifier {
  return {
    notify: async (notification) => {
      try {
        await client.send(
          new PublishCommand({
            TopicArn: topicArn,
            Subject: subjectOf(stage, notification),
            Message: messageOf(stage, notification, `${runbookUrl}#${RUNBOOK_WORKFLOW_FAILED}`),
            MessageAttributes: {
              chain: { DataType: 'String', StringValue: notification.chain },
              status: { DataType: 'String', StringValue: notification.status },
            },
          }),
        );
      } catch (error) {
        const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        throw new EngineError('NOTIFICATION_FAILED', `${notification.id} was told to nobody: ${why}`, {
          cause: error,
        });
      }
    },
  };
}

function subjectOf(stage: string, { chain, status, error }: Notification): string {
  const place = error === undefined ? '' : ` at step ${error.step}`;
  return `Stepline ${stage}: ${chain} ${status}${place}`.replace(/[^ -~]/g, '?').slice(0, SUBJECT_LENGTH);
}

/** Lines of a name and a value; lines whose value is not known are left out. */
function messageOf(stage: string, notification: Notification, runbook: string): string {
  const { error } = notification;
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ['Workflow', notification.workflowId],
    ['Chain', notification.chain],
    ['Stage', stage],
    ['Tenant', notification.tenant],
    ['Status', notification.status],
    ['Step', error?.step],
    ['Target', error?.target],
    ['Error', error?.code],
    ['HTTP status', error?.httpStatus],
    ['Message', error?.message],
    ['Next', error && nextOf(error, 'failed')],
    ['Effect', error === undefined ? undefined : EFFECT[error.effect]],
    ['Attempts', error?.attempts],
    ['Runbook', runbook],
    ['Notification', notification.id],
  ];
  return fields
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${`${name}:`.padEnd(14)} ${oneLine(String(value))}`)
    .join('\n');
}

const EFFECT = {
  none: 'none, the target has not acted',
  unknown: 'unknown, the target may have acted',
} as const;

/** Text of a reply must not look like lines of ours. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
