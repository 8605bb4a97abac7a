import { ConfirmSubscriptionCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { confirm, readLink } from '../../lib/ops/confirm.ts';

const sns = mockClient(SNSClient);
beforeEach(() => {
  sns.reset();
});

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:stepline_prod_on-call';
const LINK = `https://sns.eu-central-1.amazonaws.com/confirmation.html?TopicArn=${TOPIC}&Token=2336412f&Endpoint=ada@example.com`;

describe('the link of a mail', () => {
  it('says which subscription, and by which token', () => {
    const read = { topicArn: TOPIC, token: '2336412f', region: 'eu-central-1' };
    expect(readLink(LINK)).toEqual(read);
    expect(readLink(LINK.replace(TOPIC, encodeURIComponent(TOPIC)))).toEqual(read);
    expect(readLink(LINK.replace('amazonaws.com', 'amazonaws.com.cn'))).toEqual(read);
  });

  it.each([
    ['nothing', ''],
    ['no address', 'confirm'],
    [
      'the link without what stands behind its first &, which a shell takes',
      LINK.slice(0, LINK.indexOf('&')),
    ],
    ['a link to elsewhere', LINK.replace('amazonaws.com', 'amazonaws.com.example.org')],
    ['a link that is not encrypted', LINK.replace('https', 'http')],
    ['a link without a topic', LINK.replace(TOPIC, 'topic')],
    ['the link by which a subscription is ended', LINK.replace('Token', 'SubscriptionArn')],
  ])('is not %s', (_, link) => {
    expect(readLink(link)).toBeUndefined();
  });
});

describe('a confirmation', () => {
  it('wants whoever ends the subscription to be signed in', async () => {
    sns.on(ConfirmSubscriptionCommand).resolves({ SubscriptionArn: `${TOPIC}:1` });
    const confirmation = readLink(LINK);
    if (confirmation === undefined) throw new Error('the link was not read');
    expect(await confirm(confirmation)).toBe(`${TOPIC}:1`);
    expect(sns.commandCalls(ConfirmSubscriptionCommand)[0]?.args[0].input).toEqual({
      TopicArn: TOPIC,
      Token: '2336412f',
      AuthenticateOnUnsubscribe: 'true',
    });
  });
});
