import { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { ClientConfig, ReadSecret } from './store.ts';

/** AWS Secrets Manager. */
export function secretsManager(config: ClientConfig): ReadSecret {
  const provider = new SecretsProvider({ awsSdkV3Client: new SecretsManagerClient(config) });
  return (name, options) => provider.get(name, options);
}
