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
    ['that destroys prod', ['destroy', '--stage=prod'], 'stepline: prod is not destroyed by a command'],
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
      'by somebody who is signed in nowhere',
      ['deploy', '--stage', 'dev'],
      'stepline: AWS does not say whether the secrets of stage "dev" are there: CredentialsProviderError',
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
});
