import { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import { SSMProvider } from '@aws-lambda-powertools/parameters/ssm';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { LIMITS } from '../../contract/limits.ts';
import type { SecretStore } from '../../contract/secrets.ts';
import type { SecretReader } from './reader.ts';

/** Makes the client of a store when the first secret of that store is read: most functions need one of them, or none. */
export interface SecretClients {
  readonly secretsManager: () => SecretsManagerClient;
  readonly ssm: () => SSMClient;
}

/**
 * Reads secrets through Powertools, each at most once in `LIMITS.secretAge` seconds. Those who ask for one at the same
 * time share one read; a read that failed is not kept.
 * @example
 * const reader = createSecretReader({ secretsManager: () => new SecretsManagerClient({}), ssm: () => new SSMClient({}) });
 * await reader.read('ssm', '/stepline/dev/payments');
 */
export function createSecretReader({ secretsManager, ssm }: SecretClients): SecretReader {
  let secrets: SecretsProvider | undefined;
  let parameters: SSMProvider | undefined;
  const forgotten = new Set<string>();
  /** When a store was last asked, in milliseconds since 1970. */
  const askedAt = new Map<string, number>();
  const underWay = new Map<string, ReturnType<SecretReader['read']>>();
  const keyOf = (store: SecretStore, name: string): string => `${store} ${name}`;

  /** What was forgotten stays so until a read of it succeeds. */
  const fetched: SecretReader['read'] = async (store, name) => {
    const key = keyOf(store, name);
    const forceFetch = forgotten.has(key);
    const now = Date.now();
    if (forceFetch || now - (askedAt.get(key) ?? Number.NEGATIVE_INFINITY) > LIMITS.secretAge * 1_000)
      askedAt.set(key, now);
    const read = await fromStore(store, name, { maxAge: LIMITS.secretAge, forceFetch });
    if (forceFetch) forgotten.delete(key);
    return read;
  };

  const fromStore = async (
    store: SecretStore,
    name: string,
    options: { readonly maxAge: number; readonly forceFetch: boolean },
  ): ReturnType<SecretReader['read']> => {
    if (store === 'secrets-manager') {
      secrets ??= new SecretsProvider({ awsSdkV3Client: secretsManager() });
      return await secrets.get(name, options);
    }
    parameters ??= new SSMProvider({ awsSdkV3Client: ssm() });
    return await parameters.get(name, { ...options, decrypt: true });
  };

  return {
    read: (store, name) => {
      const key = keyOf(store, name);
      const reading = underWay.get(key) ?? fetched(store, name).finally(() => underWay.delete(key));
      underWay.set(key, reading);
      return reading;
    },
    forget: (store, name) => {
      forgotten.add(keyOf(store, name));
    },
    renew: (store, name) => {
      const key = keyOf(store, name);
      if (Date.now() - (askedAt.get(key) ?? 0) >= LIMITS.secretReread * 1_000) forgotten.add(key);
    },
  };
}
