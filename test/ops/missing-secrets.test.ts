import {
  DescribeSecretCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { DescribeParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { missingSecrets } from '../../lib/ops/missing-secrets.ts';

const secretsManager = mockClient(SecretsManagerClient);
const ssm = mockClient(SSMClient);
beforeEach(() => {
  secretsManager.reset();
  ssm.reset();
});

const payments = { store: 'secrets-manager', name: 'stepline/dev/payments' } as const;
const mail = { store: 'ssm', name: '/stepline/dev/mail' } as const;
const ofPayments = { at: 'targets.payments.secret', source: payments };
const ofMail = { at: 'targets.mail.auth.password', source: mail };
const both = [ofPayments, ofMail];

describe('the secrets of a stage', () => {
  it('are looked at without being read', async () => {
    secretsManager.on(DescribeSecretCommand).resolves({ Name: payments.name });
    ssm.on(DescribeParametersCommand).resolves({ Parameters: [{ Name: mail.name }] });
    expect(await missingSecrets(both, 'eu-central-1')).toEqual([]);
    expect(secretsManager.calls()).toHaveLength(1);
    expect(ssm.commandCalls(DescribeParametersCommand)[0]?.args[0].input).toEqual({
      ParameterFilters: [{ Key: 'Name', Option: 'Equals', Values: [mail.name] }],
    });
  });

  it('that are missing come with the command that makes them', async () => {
    secretsManager
      .on(DescribeSecretCommand)
      .rejects(new ResourceNotFoundException({ message: 'no', $metadata: {} }));
    ssm.on(DescribeParametersCommand).resolves({ Parameters: [] });
    expect(await missingSecrets(both, undefined)).toEqual([
      {
        ...ofPayments,
        remedy:
          'aws secretsmanager create-secret --name stepline/dev/payments --secret-string file://secret.txt',
      },
      {
        ...ofMail,
        remedy:
          'aws ssm put-parameter --name /stepline/dev/mail --type SecureString --value file://secret.txt',
      },
    ]);
  });

  it('that are about to be deleted are missing', async () => {
    secretsManager.on(DescribeSecretCommand).resolves({ Name: payments.name, DeletedDate: new Date(0) });
    expect(await missingSecrets([ofPayments], undefined)).toHaveLength(1);
  });

  it('are not called missing where AWS does not answer', async () => {
    secretsManager.on(DescribeSecretCommand).rejects(new Error('no credentials'));
    await expect(missingSecrets([ofPayments], undefined)).rejects.toThrow('no credentials');
  });
});
