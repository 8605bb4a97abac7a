import {
  GetSubscriptionAttributesCommand,
  paginateListSubscriptionsByTopic,
  paginateListTopics,
  SNSClient,
  type Subscription,
} from '@aws-sdk/client-sns';
import type { Topic } from '../contract/names.ts';

/** Where a topic of a stage is: by its name in the account, or by the ARN of one of the team's own. */
export type Place = { readonly name: string } | { readonly arn: string };

/** Who is to hear a stage. */
export interface Wanted {
  readonly topics: Readonly<Record<Topic, Place>>;
  /** Who must be subscribed to both; undefined where the topics are the team's own: then anybody. */
  readonly email: string | undefined;
}

/**
 * What is so of one topic. `pending`: the mail was sent, and nobody confirmed it. `gone`: nobody is subscribed, not even without a
 * confirmation. `weak`: confirmed by a click, so that whoever gets one of its mails can end it by another.
 */
export interface Heard {
  readonly topic: Topic;
  readonly arn: string | undefined;
  readonly state: 'heard' | 'weak' | 'pending' | 'gone' | 'no topic';
  /** Those that are weak, or do not listen. */
  readonly endpoints: readonly string[];
}

/**
 * Looks who listens to the topics of a stage, as whoever is signed in to AWS.
 * Errors: those of the SDK, such as missing credentials or permissions.
 * @param region undefined for the one that the environment says
 * @example await listeners({ topics: { alarms: { name: 'stepline_dev_on-call' }, … }, email: 'ada@example.com' }, 'eu-central-1')
 */
export async function listeners(
  { topics, email }: Wanted,
  region: string | undefined,
): Promise<readonly Heard[]> {
  const sns = new SNSClient(region === undefined ? {} : { region });
  const found = await arnsOf(sns, Object.values(topics));
  const kinds = ['alarms', 'failures'] as const satisfies readonly Topic[];
  return await Promise.all(
    kinds.map(async (topic): Promise<Heard> => {
      const arn = found.get(topics[topic]);
      if (arn === undefined) return { topic, arn, state: 'no topic', endpoints: [] };
      return { topic, arn, ...(await stateOf(sns, arn, email)) };
    }),
  );
}

async function arnsOf(sns: SNSClient, places: readonly Place[]): Promise<ReadonlyMap<Place, string>> {
  const found = new Map<Place, string>();
  for (const place of places) if ('arn' in place) found.set(place, place.arn);
  if (found.size === places.length) return found;
  for await (const { Topics = [] } of paginateListTopics({ client: sns }, {})) {
    for (const { TopicArn = '' } of Topics) {
      const place = places.find((one) => 'name' in one && TopicArn.endsWith(`:${one.name}`));
      if (place !== undefined) found.set(place, TopicArn);
    }
  }
  return found;
}

/** SNS writes these in place of the ARN of a subscription that is none. */
const PENDING = 'PendingConfirmation';
const DELETED = 'Deleted';

async function stateOf(
  sns: SNSClient,
  TopicArn: string,
  email: string | undefined,
): Promise<Pick<Heard, 'state' | 'endpoints'>> {
  const all: Subscription[] = [];
  for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic(
    { client: sns },
    { TopicArn },
  )) {
    all.push(...Subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn !== DELETED));
  }
  const mine = email === undefined ? all : all.filter(({ Endpoint }) => Endpoint === email);
  const confirmed = mine.filter(({ SubscriptionArn }) => SubscriptionArn !== PENDING);
  if (confirmed.length === 0) {
    const endpoints = mine.map(({ Endpoint = '' }) => Endpoint);
    return mine.length > 0
      ? { state: 'pending', endpoints }
      : { state: 'gone', endpoints: email === undefined ? [] : [email] };
  }
  const weak = await weakOf(sns, confirmed);
  return { state: weak.length === 0 ? 'heard' : 'weak', endpoints: weak };
}

/** Those by mail that were confirmed by a click. Others are not ended by a link. */
async function weakOf(sns: SNSClient, confirmed: readonly Subscription[]): Promise<readonly string[]> {
  const byMail = confirmed.filter(({ Protocol }) => Protocol === 'email' || Protocol === 'email-json');
  const looked = await Promise.all(
    byMail.map(async ({ SubscriptionArn, Endpoint = '' }) => {
      const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
      return Attributes?.ConfirmationWasAuthenticated === 'true' ? [] : [Endpoint];
    }),
  );
  return looked.flat();
}

const TOLD: Readonly<Record<Topic, string>> = { alarms: 'alarms', failures: 'failed workflows' };

const subscribe = ({ arn, endpoints }: Heard): string =>
  `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint ${endpoints[0] ?? '<address>'}`;

const WORDS: Readonly<Record<Exclude<Heard['state'], 'heard'>, (heard: Heard, who: string) => string>> = {
  weak: (heard, who) =>
    `${who} hears of ${TOLD[heard.topic]} by a weak subscription: it was confirmed by a click, so one click on the link in any of its mails ends it. To make it strong, end it by that link, run ${subscribe(heard)}, and confirm the new mail with: npm run deploy -- confirm '<its link>'`,
  pending: ({ topic }, who) =>
    `${who} does not hear of ${TOLD[topic]} yet: the subscription waits to be confirmed, for two days. Do not click on the link in the mail of AWS Notifications. Copy it, and run: npm run deploy -- confirm '<the link>'`,
  gone: (heard, who) =>
    `${who === '' ? 'Nobody hears' : `${who} does not hear`} of ${TOLD[heard.topic]}: there is no subscription, or somebody has ended it. Run: ${subscribe(heard)}. Then confirm the mail that comes with: npm run deploy -- confirm '<its link>'`,
  'no topic': ({ topic }) => `There is no topic for ${TOLD[topic]} in this account and region: deploy again.`,
};

/** What each topic needs, in sentences; nothing for one that is heard. */
export const wordsOf = (heard: readonly Heard[]): readonly string[] =>
  heard.flatMap((one) => (one.state === 'heard' ? [] : [WORDS[one.state](one, one.endpoints.join(', '))]));

/** Whether somebody who must be told is not. A weak subscription is one all the same. */
export const isSilent = (heard: readonly Heard[]): boolean =>
  heard.some(({ state }) => state !== 'heard' && state !== 'weak');
