import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The command as `npm run deploy` and its like call it, by somebody who is signed in nowhere. */
function run(...words: readonly string[]): { readonly code: number | null; readonly said: string } {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'bin/cdk.ts', ...words], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      AWS_REGION: 'eu-central-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
      AWS_CONFIG_FILE: '/nowhere',
    },
  });
  // The SDK says what it thinks of old versions of Node before anything of ours.
  return { code: status, said: /^stepline: .*/m.exec(stderr)?.[0] ?? stderr };
}

describe('the command for a stage', () => {
  it.each<readonly [string, readonly string[], string]>([
    ['without a stage', ['deploy'], 'stepline: No stage is given. Write: npm run deploy -- --stage dev'],
    [
      'for a stage that does not exist',
      ['diff', '--stage', 'dve'],
      'stepline: There is no stage "dve". Did you mean "dev"?',
    ],
    ['that destroys prod', ['destroy', '--stage=prod'], 'stepline: npm run destroy does not remove prod'],
    [
      'that names another stage behind our back',
      ['destroy', '--stage', 'dev', '-c', 'stage=prod'],
      'stepline: The stage is given twice. Write: npm run destroy -- --stage dev',
    ],
    [
      'that does not exist',
      ['redeploy', '--stage', 'dev'],
      'stepline: Write one of: npm run deploy, npm run diff, npm run destroy.',
    ],
    [
      'that confirms something else than the link of a mail',
      ['deploy', 'confirm', 'https://example.com/confirmation.html?TopicArn=x'],
      "stepline: This is not the link of a mail by AWS Notifications. Write: npm run deploy -- confirm '",
    ],
    [
      'by somebody who is signed in nowhere',
      ['deploy', '--stage', 'dev'],
      'stepline: Cannot find out whether the secrets of stage "dev" exist: CredentialsProviderError',
    ],
  ])(
    '%s ends with what to write',
    (_, words, message) => {
      const { code, said } = run(...words);
      expect(said).toContain(message);
      expect(code).toBe(2);
    },
    30_000,
  );

  const unchecked = ['deploy', '--stage', 'dev', '-c', 'secrets=unchecked'] as const;

  it('without a look at the secrets asks what is in the queues, and says how to go on without', () => {
    const { code, said } = run(...unchecked, '--app', 'false');
    expect(said).toContain('would take away what is still needed: CredentialsProviderError');
    expect(said).toContain('-c losses=accepted');
    expect(code).toBe(2);
  });

  it('without these two looks asks for the account’s limit, and says how to go on without', () => {
    const { code, said } = run(...unchecked, '-c', 'losses=accepted', '--app', 'false');
    expect(said).toContain('stepline: Cannot read how many functions the account may run at once: Cred');
    expect(said).toContain('-c reserve=none');
    expect(code).toBe(2);
  });

  it('goes on without any look where it is told so', () => {
    // An app that synthesizes nothing: the command of the CDK itself fails, and no check of ours comes before it.
    const words = ['-c', 'losses=accepted', '-c', 'reserve=none', '--app', 'false'];
    const { code, said } = run(...unchecked, ...words);
    expect(said).not.toContain('stepline:');
    expect(code).toBe(1);
  });
});
