import type { SecretStore } from '../../../contract/secrets.ts';

/** A store of secrets on AWS. */
export type StoreOnAws = Exclude<SecretStore, 'env'>;

/** How the client of a store is made: with the bounds of all clients. */
export interface ClientConfig {
  readonly region?: string;
  readonly maxAttempts?: number;
  readonly requestHandler?: object;
}

/** Reads one secret, which Powertools keeps for `maxAge` seconds. Errors: what Powertools throws. */
export type ReadSecret = (
  name: string,
  options: { readonly maxAge: number; readonly forceFetch: boolean },
) => Promise<string | Uint8Array | undefined>;

/** The stores that a bundle holds. The client of each is made when its first secret is read: most functions need one of them, or none. */
export type Stores = { readonly [Store in StoreOnAws]?: (config: ClientConfig) => ReadSecret };
