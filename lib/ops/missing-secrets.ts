import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { paginateDescribeParameters, SSMClient } from '@aws-sdk/client-ssm';
import { createSecretCommand, type SecretSource } from '../contract/secrets.ts';

interface Clients {
  readonly secretsManager: SecretsManagerClient;
  readonly ssm: SSMClient;
}

/** A secret of a stage, and where its settings name it. */
export interface NamedSecret {
  /** `targets.payments.secret`. */
  readonly at: string;
  readonly source: SecretSource;
}

/** One that nobody has made. */
export interface MissingSecret extends NamedSecret {
  /** The command that makes it. */
  readonly remedy: string;
}

/**
 * Looks whether the secrets of a stage are there, as whoever is signed in to AWS. No value is read.
 * Errors: those of the SDK, such as missing credentials.
 * @param region undefined for the one that the environment says
 * @example await missingSecrets([{ at: 'targets.payments.secret', source }], 'eu-central-1')
 */
export async function missingSecrets(
  secrets: readonly NamedSecret[],
  region: string | undefined,
): Promise<readonly MissingSecret[]> {
  const options = region === undefined ? {} : { region };
  const clients = { secretsManager: new SecretsManagerClient(options), ssm: new SSMClient(options) };
  const looked = await Promise.all(
    secrets.map(async ({ at, source }) => {
      if (await EXISTS[source.store](clients, source.name)) return [];
      return [{ at, source, remedy: createSecretCommand(source) }];
    }),
  );
  return looked.flat();
}

const EXISTS = {
  env: async (_clients: Clients, name: string): Promise<boolean> => process.env[name] !== undefined,
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
