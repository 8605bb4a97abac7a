import type { SecretStore } from '../../contract/secrets.ts';

/** Where secrets are read. */
export interface SecretReader {
  /** A secret's text; bytes where it is binary, undefined where it is empty. Errors: what the store throws. */
  read(store: SecretStore, name: string): Promise<string | Uint8Array | undefined>;
  /** The next read asks the store, whatever is kept: for a value that cannot be used, so that one that was mended is seen at once. */
  forget(store: SecretStore, name: string): void;
  /** The same, but where the store was asked within `LIMITS.secretReread` seconds: for a value that a target refuses, and that may be another by now. */
  renew(store: SecretStore, name: string): void;
}
