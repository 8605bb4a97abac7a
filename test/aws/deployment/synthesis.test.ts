import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stages } from '../../../bin/stages.ts';
import { type MiniStack, startMiniStack } from '../ministack/ministack.ts';
import { onMiniStack } from '../ministack/suite.ts';

const ROOT = join(import.meta.dirname, '../../..');

onMiniStack('a synthesis by somebody who is signed in to AWS', () => {
  let aws: MiniStack;
  let output: string;
  beforeAll(async () => {
    aws = await startMiniStack();
    output = mkdtempSync(join(tmpdir(), 'stepline-synthesis-'));
  });
  afterAll(async () => {
    await aws.stop();
    rmSync(output, { recursive: true });
  });

  const synth = (...words: readonly string[]): { readonly code: number | null; readonly said: string } => {
    const command = [
      'node_modules/aws-cdk/bin/cdk',
      'synth',
      '-q',
      '-c',
      'stage=dev',
      '-o',
      output,
      ...words,
    ];
    const { status, stderr } = spawnSync(process.execPath, command, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, ...aws.env, NO_COLOR: '1' },
    });
    return { code: status, said: stderr };
  };

  it('is refused while a secret is missing, with the command that makes it', {
    timeout: 300_000,
  }, async () => {
    const { code, said } = synth();
    expect(code).not.toBe(0);
    expect(said).toContain('stepline: Secrets of stage "dev" are missing:');
    expect(said).toContain(
      'targets.payments.secret: there is no "stepline/dev/payments" (secrets-manager). Make it: aws secretsmanager create-secret --name stepline/dev/payments',
    );
    const client = new SecretsManagerClient({
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    for (const name of Object.keys(stages.dev.targets)) {
      await client.send(new CreateSecretCommand({ Name: `stepline/dev/${name}`, SecretString: 'x' }));
    }
    client.destroy();
    expect(synth()).toMatchObject({ code: 0 });
  });

  it('goes on without looking where it is told so', () => {
    expect(synth('-c', 'secrets=unchecked')).toMatchObject({ code: 0 });
  });
});
