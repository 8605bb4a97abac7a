import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { paginateDescribeParameters, SSMClient } from '@aws-sdk/client-ssm';
import { createSecretCommand, type SecretReference } from '../contract/targets.ts';

interface Clients {
  readonly secretsManager: SecretsManagerClient;
  readonly ssm: SSMClient;
}

/** A secret that a target's settings name and that nobody has made. */
export interface MissingSecret {
  readonly target: string;
  readonly reference: SecretReference;
  /** The command that makes it. */
  readonly remedy: string;
}

/**
 * Looks whether the secrets of a stage's targets are there, as whoever is signed in to AWS. No value is read.
 * Errors: those of the SDK, such as missing credentials.
 * @param region undefined for the one that the environment says
 * @example await missingSecrets(settings.targets, 'eu-central-1')
 */
export async function missingSecrets(
  targets: Readonly<Record<string, { readonly secret?: SecretReference | undefined }>>,
  region: string | undefined,
): Promise<readonly MissingSecret[]> {
  const options = region === undefined ? {} : { region };
  const clients = { secretsManager: new SecretsManagerClient(options), ssm: new SSMClient(options) };
  const looked = await Promise.all(
    Object.entries(targets).map(async ([target, { secret }]) => {
      if (secret === undefined || (await EXISTS[secret.store](clients, secret.name))) return [];
      return [{ target, reference: secret, remedy: createSecretCommand(secret) }];
    }),
  );
  return looked.flat();
}

const EXISTS = {
  'secrets-manager': async ({ secretsManager }: Clients, name: string): Promise<boolean> => {
    try {
      const { DeletedDate } = await secretsManager.send(new DescribeSecretCommand({ SecretId: name }));
      return DeletedDate === undefined;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return false;
      throw error;
    }
  },
  ssm: async ({ ssm }: Clients, name: string): Promise<boolean> => {
    const pages = paginateDescribeParameters(
      { client: ssm },
      { ParameterFilters: [{ Key: 'Name', Option: 'Equals', Values: [name] }] },
    );
    for await (const { Parameters = [] } of pages) {
      if (Parameters.some((parameter) => parameter.Name === name)) return true;
    }
    return false;
  },
} as const;
