import { ListSubscriptionsByTopicCommand, ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lookWhoHears } from '../../bin/on-call.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { EXIT_NOT_HEARD } from '../../lib/contract/names.ts';
import { stages } from '../cdk/fixture-stages.ts';

const sns = mockClient(SNSClient);
let said = '';
beforeEach(() => {
  sns.reset();
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const look = (stage: 'dev' | 'staging') => lookWhoHears(stage, settingsOf(stages, stage));
const topics = ['on-call', 'failures'].map((name) => ({
  TopicArn: `arn:aws:sns:eu-central-1:123456789012:stepline_staging_${name}`,
}));

describe('the end of npm run deploy', () => {
  it('says that nobody is told where the settings want it so, and asks nobody', async () => {
    expect(await look('dev')).toBe(0);
    expect(said).toContain('Nobody is told of alarms and failed workflows of stage dev');
    expect(sns.calls()).toEqual([]);
  });

  it('has an exit code of its own where a subscription waits, and says whose', async () => {
    const pending = { SubscriptionArn: 'PendingConfirmation', Endpoint: 'stepline-staging@example.com' };
    sns.on(ListTopicsCommand).resolves({ Topics: topics });
    sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [pending] });
    expect(await look('staging')).toBe(EXIT_NOT_HEARD);
    expect([0, 1, 2]).not.toContain(EXIT_NOT_HEARD);
    expect(said).toContain('Stage staging is deployed, and not heard:');
    expect(
      said.match(/stepline-staging@example\.com does not hear of (alarms|failed workflows) yet/g),
    ).toHaveLength(2);
  });

  it('does not call silence well where it may not look: it says what looking needs', async () => {
    sns
      .on(ListTopicsCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AuthorizationErrorException' }));
    expect(await look('staging')).toBe(EXIT_NOT_HEARD);
    expect(said).toContain(
      'Nobody knows whether the people on call hear it: AuthorizationErrorException: no.',
    );
    expect(said).toContain('sns:ListSubscriptionsByTopic');
  });
});
