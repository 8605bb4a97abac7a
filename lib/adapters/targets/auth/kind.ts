import type { AuthOf, AuthType, Credential } from '../../../contract/auth.ts';
import type { Clock, Http, HttpRequest } from '../../../engine/ports.ts';

/** What comes of a wish to have something newer than what is kept. */
export type Renewal = 'again' | 'fresh' | 'tooSoon';

/** What a kind of auth works with. */
export interface Desk {
  /** The target's name, for messages. */
  readonly target: string;
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The certificates of the target, where `url` leads to its host. */
  tlsFor(url: string): HttpRequest['tls'];
  /** The text itself, or the secret's value. */
  value(credential: Credential): string;
}

/** What it does to requests. */
export interface Signing {
  readonly headers?: Readonly<Record<string, string>>;
  /** What no error may show, beside the values of secrets and these headers. */
  readonly secrets?: readonly string[];
  sign?(request: HttpRequest): HttpRequest | Promise<HttpRequest>;
}

/** The auth of one target: what it keeps, it keeps from call to call. */
export interface Signer {
  /** Errors: `EngineError` `TARGET_MISSING` for what somebody has to mend, `SECRET_UNAVAILABLE` for what may pass. */
  signing(desk: Desk): Signing | Promise<Signing>;
  /**
   * Drops what it keeps, where a target answers with this status, and may answer otherwise to something newer; times as for `SecretReader.renew`.
   * Undefined: it keeps nothing that this status speaks of.
   */
  renew?(status: number, now: number, since: number): Renewal | undefined;
}

/** The kinds that a bundle holds. */
export type AuthKinds = { readonly [Type in AuthType]?: (auth: AuthOf<Type>) => Signer };
