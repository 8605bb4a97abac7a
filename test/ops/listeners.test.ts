import {
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  SNSClient,
  type Subscription,
} from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { isSilent, listeners, wordsOf } from '../../lib/ops/listeners.ts';

const sns = mockClient(SNSClient);
beforeEach(() => {
  sns.reset();
  sns
    .on(ListTopicsCommand)
    .resolves({ Topics: [{ TopicArn: arnOf('other') }, { TopicArn: ALARMS }], NextToken: 'more' })
    .on(ListTopicsCommand, { NextToken: 'more' })
    .resolves({ Topics: [{ TopicArn: FAILURES }, { TopicArn: `${FAILURES}-old` }] });
});

const arnOf = (name: string): string => `arn:aws:sns:eu-central-1:123456789012:${name}`;
const ALARMS = arnOf('stepline_dev_on-call');
const FAILURES = arnOf('stepline_dev_failures');
const ADA = 'ada@example.com';
const TOPICS = { alarms: { name: 'stepline_dev_on-call' }, failures: { name: 'stepline_dev_failures' } };

const byMail = (SubscriptionArn: string, Endpoint = ADA): Subscription => ({
  ...{ SubscriptionArn, Endpoint },
  Protocol: 'email',
});
const CONFIRMED = byMail(`${ALARMS}:1`);

/** Those of the topic of alarms; the topic of failures is heard well. */
async function looked(
  subscriptions: readonly Subscription[],
  authenticated = true,
  listener: string | 'anybody' = ADA,
) {
  sns
    .on(ListSubscriptionsByTopicCommand, { TopicArn: ALARMS })
    .resolves({ Subscriptions: [...subscriptions] })
    .on(ListSubscriptionsByTopicCommand, { TopicArn: FAILURES })
    .resolves({ Subscriptions: [byMail(`${FAILURES}:1`)] })
    .on(GetSubscriptionAttributesCommand)
    .resolves({ Attributes: { ConfirmationWasAuthenticated: 'true' } })
    .on(GetSubscriptionAttributesCommand, { SubscriptionArn: CONFIRMED.SubscriptionArn })
    .resolves({ Attributes: { ConfirmationWasAuthenticated: String(authenticated) } });
  const email = listener === 'anybody' ? undefined : listener;
  const heard = await listeners({ topics: TOPICS, email }, 'eu-central-1');
  const [words = '', ...more] = wordsOf(heard);
  expect(more).toEqual([]);
  return { silent: isSilent(heard), words };
}

describe('a stage that was deployed', () => {
  it('is heard where its address is subscribed to both topics, and was confirmed by who is signed in', async () => {
    expect(await looked([CONFIRMED])).toEqual({ silent: false, words: '' });
  });

  it('is not heard where nobody confirmed: the words say who must do what', async () => {
    const { silent, words } = await looked([byMail('PendingConfirmation')]);
    expect(silent).toBe(true);
    expect(words).toMatch(
      /^ada@example\.com does not hear of alarms yet: .*Copy it, and run: npm run deploy -- confirm '/,
    );
  });

  it.each([
    ['somebody ended the subscription', [byMail('Deleted')]],
    ['the mail was never confirmed and is forgotten', []],
    ['only another address listens', [byMail(`${ALARMS}:2`, 'bob@example.com')]],
  ])('is not heard where %s', async (_, subscriptions) => {
    const { silent, words } = await looked(subscriptions);
    expect(silent).toBe(true);
    expect(words).toContain('ada@example.com does not hear of alarms: ');
    expect(words).toContain(
      `aws sns subscribe --topic-arn ${ALARMS} --protocol email --notification-endpoint ${ADA}`,
    );
  });

  it('is heard by a click that another click ends: that is named as weak', async () => {
    const { silent, words } = await looked([CONFIRMED], false);
    expect(silent).toBe(false);
    expect(words).toMatch(
      /^ada@example\.com hears of alarms by a weak subscription: it was confirmed by a click/,
    );
  });

  it('with topics of the team’s own is heard where anybody listens, by whatever means', async () => {
    const queue = { ...byMail(`${ALARMS}:2`, 'arn:aws:sqs:…'), Protocol: 'sqs' };
    expect(await looked([queue], false, 'anybody')).toMatchObject({ silent: false });
    expect(sns.commandCalls(GetSubscriptionAttributesCommand)).toHaveLength(1);
    const { silent, words } = await looked([], true, 'anybody');
    expect(silent).toBe(true);
    expect(words).toMatch(/^Nobody hears of alarms: /);
  });

  it('is asked for by ARN where the topics are the team’s own: nothing is listed', async () => {
    sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });
    const topics = { alarms: { arn: ALARMS }, failures: { arn: FAILURES } };
    expect(isSilent(await listeners({ topics, email: undefined }, undefined))).toBe(true);
    expect(sns.commandCalls(ListTopicsCommand)).toEqual([]);
  });

  it('is not heard without its topics', async () => {
    sns.reset();
    sns.on(ListTopicsCommand).resolves({ Topics: [] });
    const heard = await listeners({ topics: TOPICS, email: ADA }, undefined);
    expect(heard.map(({ state }) => state)).toEqual(['no topic', 'no topic']);
    expect(isSilent(heard)).toBe(true);
  });
});
