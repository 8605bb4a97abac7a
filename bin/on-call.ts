import { SettingsError, type StageSettings, settingsOf } from '../lib/cdk/settings.ts';
import { physicalName } from '../lib/cdk/stage.ts';
import { EXIT_NOT_HEARD, type SettledStage, TOPICS } from '../lib/contract/names.ts';
import { namedMessageOf } from '../lib/engine/errors.ts';
import { confirm, readLink } from '../lib/ops/confirm.ts';
import { isSilent, listeners, type Wanted, wordsOf } from '../lib/ops/listeners.ts';
import { stages } from './stages.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/**
 * Looks whether the people on call hear a stage that was just deployed, and says who must do what.
 * @returns the exit code: 0, or `EXIT_NOT_HEARD`
 */
export async function lookWhoHears(
  stage: SettledStage,
  settings: StageSettings = settingsOf(stages, stage),
): Promise<number> {
  const wanted = wantedOf(stage, settings);
  if (wanted === undefined) {
    say(
      `\nNobody is told of alarms and failed workflows of stage ${stage}: onCall is "nobody" in bin/stages.ts.`,
    );
    return 0;
  }
  try {
    const heard = await listeners(wanted, settings.region);
    const words = wordsOf(heard);
    const silent = isSilent(heard);
    if (words.length === 0)
      say(`\nThe people on call hear of alarms and failed workflows of stage ${stage}.`);
    else
      say(`\n${[silent ? `Stage ${stage} is deployed, and not heard:` : 'To know:', ...words].join('\n  ')}`);
    return silent ? EXIT_NOT_HEARD : 0;
  } catch (error) {
    const why = namedMessageOf(error);
    say(
      `\nStage ${stage} is deployed. Nobody knows whether the people on call hear it: ${why}. Looking needs sns:ListTopics, sns:ListSubscriptionsByTopic and sns:GetSubscriptionAttributes.`,
    );
    return EXIT_NOT_HEARD;
  }
}

function wantedOf(stage: SettledStage, { onCall }: StageSettings): Wanted | undefined {
  if (onCall === 'nobody') return undefined;
  if ('email' in onCall) {
    const named = (name: string) => ({ name: physicalName(stage, name) });
    return {
      topics: { alarms: named(TOPICS.alarms), failures: named(TOPICS.failures) },
      email: onCall.email,
    };
  }
  return {
    topics: { alarms: { arn: onCall.topicArn }, failures: { arn: onCall.failuresTopicArn } },
    email: undefined,
  };
}

/**
 * `npm run deploy -- confirm <link>`.
 * Errors: `SettingsError`, which says what to write or to do.
 */
export async function confirmLink(words: readonly string[]): Promise<void> {
  const [link = '', ...more] = words;
  const confirmation = more.length === 0 ? readLink(link) : undefined;
  if (confirmation === undefined) {
    throw new SettingsError(
      "This is not the link of a mail by AWS Notifications. Write: npm run deploy -- confirm 'https://sns.….amazonaws.com/confirmation.html?TopicArn=…&Token=…' (in quotes, as it has a & in it).",
    );
  }
  try {
    const arn = await confirm(confirmation);
    say(`Confirmed: ${arn}. No link in a mail ends it; only who is signed in to AWS can.`);
  } catch (error) {
    const why = namedMessageOf(error);
    throw new SettingsError(
      `The subscription to ${confirmation.topicArn} was not confirmed: ${why}. A link holds for two days: ask for another with aws sns subscribe --topic-arn ${confirmation.topicArn} --protocol email --notification-endpoint <address>`,
    );
  }
}
