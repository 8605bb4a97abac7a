import { LIMITS } from '../../../contract/limits.ts';
import type { SecretStore } from '../../../contract/secrets.ts';
import { EngineError } from '../../../engine/errors.ts';
import type { SecretReader } from '../reader.ts';
import type { ClientConfig, ReadSecret, StoreOnAws, Stores } from './store.ts';

/**
 * Reads secrets from the stores of a bundle, each at most once in `LIMITS.secretAge` seconds. Those who ask for one at the same time share one read; a read
 * that failed is not kept.
 * @param config how clients are made, each when the first secret of its store is read
 * @example
 * const reader = createSecretReader(stores, { maxAttempts: 3 });
 * await reader.read('ssm', '/stepline/dev/payments');
 */
export function createSecretReader(stores: Stores, config: ClientConfig): SecretReader {
  const opened = new Map<SecretStore, ReadSecret>();
  const forgotten = new Set<string>();
  /** When a store was last asked, in milliseconds since 1970. */
  const askedAt = new Map<string, number>();
  const underWay = new Map<string, ReturnType<SecretReader['read']>>();
  const keyOf = (store: SecretStore, name: string): string => `${store} ${name}`;

  const open = (store: SecretStore): ReadSecret => {
    const known = opened.get(store);
    if (known !== undefined) return known;
    const make = isOnAws(store) ? stores[store] : undefined;
    if (make === undefined)
      throw new EngineError('CONFIGURATION', `secrets of the store "${store}" cannot be read by this bundle`);
    const read = make(config);
    opened.set(store, read);
    return read;
  };

  /** What was forgotten stays so until a read of it succeeds. */
  const fetched: SecretReader['read'] = async (store, name) => {
    const key = keyOf(store, name);
    const forceFetch = forgotten.has(key);
    const now = Date.now();
    if (forceFetch || now - (askedAt.get(key) ?? Number.NEGATIVE_INFINITY) > LIMITS.secretAge * 1_000)
      askedAt.set(key, now);
    const read = await open(store)(name, { maxAge: LIMITS.secretAge, forceFetch });
    if (forceFetch) forgotten.delete(key);
    return read;
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
    renew: (store, name, since) => {
      const key = keyOf(store, name);
      const at = askedAt.get(key) ?? 0;
      if (Date.now() - at < LIMITS.secretReread * 1_000) return at >= since ? 'fresh' : 'tooSoon';
      forgotten.add(key);
      return 'again';
    },
  };
}

const isOnAws = (store: SecretStore): store is StoreOnAws => store !== 'env';
