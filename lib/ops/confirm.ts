import { ConfirmSubscriptionCommand, SNSClient } from '@aws-sdk/client-sns';

/** What the link in a mail of AWS Notifications says. */
export interface Confirmation {
  readonly topicArn: string;
  readonly token: string;
  readonly region: string;
}

const HOST = /^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/;
const TOPIC = /^arn:aws[a-z-]*:sns:(?<region>[a-z0-9-]+):\d{12}:\S+$/;

/**
 * Reads the link by which a subscription is confirmed.
 * @returns undefined if it is no such link
 * @example readLink('https://sns.eu-central-1.amazonaws.com/confirmation.html?TopicArn=arn:aws:sns:…&Token=…&Endpoint=…')
 */
export function readLink(link: string): Confirmation | undefined {
  if (!URL.canParse(link)) return undefined;
  const { protocol, hostname, searchParams } = new URL(link);
  const topicArn = searchParams.get('TopicArn') ?? '';
  const token = searchParams.get('Token') ?? '';
  const { region } = TOPIC.exec(topicArn)?.groups ?? {};
  const isAws = protocol === 'https:' && HOST.test(hostname);
  return isAws && region !== undefined && token !== '' ? { topicArn, token, region } : undefined;
}

/**
 * Confirms a subscription as whoever is signed in to AWS, so that to end it one must be signed in too: no link in a mail does.
 * Errors: those of the SDK; `InvalidParameterException` for a link that is older than two days, or was used.
 * @returns the ARN of the subscription
 */
export async function confirm({ topicArn, token, region }: Confirmation): Promise<string> {
  const { SubscriptionArn = '' } = await new SNSClient({ region }).send(
    new ConfirmSubscriptionCommand({ TopicArn: topicArn, Token: token, AuthenticateOnUnsubscribe: 'true' }),
  );
  return SubscriptionArn;
}
