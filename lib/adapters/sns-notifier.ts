import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { nextOf } from '../contract/advice.ts';
import { ROUTES, RUNBOOK, timelinePath, undoPath } from '../contract/names.ts';
import { triesOf, undoneOf } from '../contract/told.ts';
import { EngineError, namedMessageOf } from '../engine/errors.ts';
import type { FailureExample, Notification, Notifier } from '../engine/ports.ts';

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
    notify: async (digest) => {
      try {
        await client.send(
          new PublishCommand({
            TopicArn: topicArn,
            Subject: subjectOf(stage, digest),
            Message: messageOf(stage, digest, `${runbookUrl}#${RUNBOOK[digest.kind]}`),
            MessageAttributes: {
              chain: { DataType: 'String', StringValue: digest.chain },
              status: { DataType: 'String', StringValue: digest.kind },
            },
          }),
        );
      } catch (error) {
        const why = namedMessageOf(error);
        throw new EngineError('NOTIFICATION_FAILED', `${digest.id} was told to nobody: ${why}`, {
          cause: error,
        });
      }
    },
  };
}

function subjectOf(stage: string, { kind, chain, step, count }: Notification): string {
  const whose = count === 1 ? chain : `${count} of ${chain}`;
  const what = kind === 'failed' ? `${whose} failed at` : `${whose} could not be taken back, at`;
  return `Stepline ${stage}: ${what} step ${step}`.replace(/[^ -~]/g, '?').slice(0, SUBJECT_LENGTH);
}

type Field = readonly [name: string, value: string | number | undefined];

/** One failure with all that is known of it; of several what they have in common, and a few of them. */
function messageOf(stage: string, digest: Notification, runbook: string): string {
  const { id, chain, count, examples } = digest;
  const end: readonly Field[] = [
    ['Runbook', runbook],
    ['Notification', id],
  ];
  const [first] = examples;
  if (count === 1 && first !== undefined) {
    const { workflowId, tenant, error, takenBack } = first;
    return linesOf([
      ['Workflow', workflowId],
      ['Chain', chain],
      ['Stage', stage],
      ['Tenant', tenant],
      ['Status', takenBack ? 'failed, and is taken back' : digest.kind],
      ...(digest.kind === 'failed' ? [] : undosOf(first)),
      ['Step', error.step],
      ['Target', error.target],
      ['Error', error.code],
      ...detailsOf(first, digest.kind),
      ...end,
    ]);
  }
  const common: readonly Field[] = [
    ['Failed', `${count} workflows`],
    ['Chain', chain],
    ['Stage', stage],
    ['Step', digest.step],
    ['Error', digest.code],
    ['First', new Date(digest.firstAt).toISOString()],
    ['Last', new Date(digest.lastAt).toISOString()],
    // What is taken back has one of three statuses by the time that this is read.
    ['All of them', first?.takenBack ? undefined : `GET ${ROUTES.list.path}?chain=${chain}&status=failed`],
    ...end,
  ];
  const some = examples.map((example) =>
    linesOf([
      ['For example', example.workflowId],
      ['Tenant', example.tenant],
      ['Target', example.error.target],
      ...detailsOf(example, digest.kind),
    ]),
  );
  return [linesOf(common), ...some].join('\n\n');
}

/** Who may not read the timeline learns what they may know; who may finds there what the target answered. */
const detailsOf = (
  { workflowId, error, takenBack }: FailureExample,
  kind: Notification['kind'],
): readonly Field[] => [
  ['HTTP status', error.httpStatus],
  ['Message', error.message],
  ['Timeline', `GET ${timelinePath(workflowId)}`],
  ['What is left', kind === 'failed' ? undefined : `GET ${undoPath(workflowId)}`],
  ['Next', nextOf(error, takenBack ? 'takenBack' : kind === 'failed' ? 'failed' : 'undo')],
  ['Effect', EFFECT[error.effect]],
  ['Attempts', error.attempts],
];

/** What of a workflow was undone before an undo failed, and what was not. */
function undosOf({ error, undos = [] }: FailureExample): readonly Field[] {
  const { step, message } = error;
  const { undone, left, inDoubt } = undoneOf(step, undos);
  return [
    ['Undone', undone.join(', ') || 'nothing'],
    ['Not undone', `${step}, ${triesOf(error)}: ${message}`],
    ['Then to undo', left.join(', ')],
    ['In doubt', inDoubt.join(', ')],
  ];
}

/** Lines of a name and a value; lines whose value is not known are left out. */
const linesOf = (fields: readonly Field[]): string =>
  fields
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${`${name}:`.padEnd(14)} ${oneLine(String(value))}`)
    .join('\n');

const EFFECT = {
  none: 'none, the target has not acted',
  unknown: 'unknown, the target may have acted',
} as const;

/** Text of a reply must not look like lines of ours. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
