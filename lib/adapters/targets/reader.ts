import type { SecretStore } from '../../contract/secrets.ts';
import type { Renewal } from './auth/kind.ts';

/** Where secrets are read. */
export interface SecretReader {
  /** A secret's text; bytes where it is binary, undefined where it is empty. Errors: what the store throws. */
  read(store: SecretStore, name: string): Promise<string | Uint8Array | undefined>;
  /** The next read asks the store, whatever is kept: for a value that cannot be used, so that one that was mended is seen at once. */
  forget(store: SecretStore, name: string): void;
  /**
   * For a value that a target refuses, and that may be another by now: the same as `forget`, but where the store was asked within `LIMITS.secretReread`
   * seconds.
   * @param since when the call began, in milliseconds since 1970
   * @returns whether the store is asked again; `fresh`: it was asked since then, and has nothing newer; `tooSoon`: a later call may ask it
   */
  renew(store: SecretStore, name: string, since: number): Renewal;
}
