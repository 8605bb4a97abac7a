import { setTimeout } from 'node:timers/promises';
import { CreateSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { ended, resume, type Stage, show, start } from '../../e2e/stage.ts';
import { quickSecret, SECRETS } from '../deployment/fixture-chains.ts';
import type { Deployed } from '../deployment/stage.ts';

/** Secrets that the functions read by reference, each with a role that may read its own. */
export function secretScenarios(deployed: () => Deployed, open: () => Promise<Stage>): void {
  it('that is missing fails the step with what to do; made, a resume goes on', async () => {
    const { back, vaults } = deployed();
    const stage = await open();
    const id = await start(stage, quickSecret.start, {});
    const failed = await ended(stage, id);
    expect(failed).toMatchObject({
      status: 'failed',
      error: { step: 'vault', target: 'vault', code: 'TARGET_MISSING', effect: 'none' },
    });
    expect(failed.error?.next).toContain(SECRETS.vault.name);
    expect(vaults.seen).toEqual([]);

    await back.secretsManager.send(
      new CreateSecretCommand({ Name: SECRETS.vault.name, SecretString: 'sesame\n' }),
    );
    await back.ssm.send(
      new PutParameterCommand({ Name: SECRETS.parameters.name, Value: 'open-up', Type: 'SecureString' }),
    );
    await back.ssm.send(
      new PutParameterCommand({ Name: SECRETS.signing.name, Value: 'sign-me', Type: 'SecureString' }),
    );
    await resume(stage, id);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expect(vaults.seen).toMatchObject([
      { authorization: 'Bearer sesame', 'idempotency-key': expect.stringContaining(id) },
      { 'x-api-key': 'open-up' },
      { authorization: 'Bearer sesame', 'idempotency-key': `${id}:code:do:0:again` },
    ]);
    expect(JSON.stringify(await show(stage, id, true))).not.toMatch(/sesame|open-up|sign-me/);
  });

  it('that is rotated while functions keep it fails no workflow', async () => {
    const { back, vaults } = deployed();
    const stage = await open();
    const before = vaults.seen.length;
    vaults.wanted = 'Bearer rotated';
    await back.secretsManager.send(
      new PutSecretValueCommand({ SecretId: SECRETS.vault.name, SecretString: 'rotated' }),
    );
    // A secret is read again at most once in that time: the test before has just read it.
    await setTimeout(LIMITS.secretReread * 1_000);
    const id = await start(stage, quickSecret.start, {});
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    const authorizations = vaults.seen.slice(before).flatMap(({ authorization }) => authorization ?? []);
    expect(authorizations.filter((one) => one === 'Bearer rotated')).toHaveLength(2);
    vaults.wanted = undefined;
  });
}
