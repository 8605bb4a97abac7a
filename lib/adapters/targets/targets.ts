import type { Auth, Credential } from '../../contract/auth.ts';
import type { SecretSource } from '../../contract/secrets.ts';
import { placedSecrets, placeOf, sourcesOf, type TargetSetting } from '../../contract/targets.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Clock, Http, HttpRequest, ResolvedTarget, Targets } from '../../engine/ports.ts';
import { tlsProblem } from '../tls-problem.ts';
import type { AuthKinds, Desk, Signer, Signing } from './auth/kind.ts';
import { type Placed, placed, placedIn } from './placing.ts';
import type { SecretReader } from './reader.ts';
import { secretValue } from './secret-values.ts';
import type { TargetSettings } from './settings.ts';

export interface TargetsOptions {
  readonly settings: TargetSettings;
  /** Secrets that `run` steps name. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  readonly reader: SecretReader;
  readonly authKinds: AuthKinds;
  /** For tokens. */
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What to do where a target, or a secret, is not there. */
  readonly remedy: (what: 'target' | 'secret', name: string) => string;
}

/**
 * The targets of a step: at once where the settings are all there is, else once their secrets were read.
 * Errors: `EngineError` `TARGET_MISSING` where someone has to mend the settings or a secret, and `SECRET_UNAVAILABLE` where a store of secrets or an
 * authorization server may answer later. They name target and secret, never a value.
 * @example
 * const targets = createTargets({ settings: parseTargets(json, process.env), secrets: {}, reader, authKinds, http, clock, env: process.env, remedy });
 * const { baseUrl, headers } = await targets.resolve('payments');
 */
export function createTargets(options: TargetsOptions): Targets {
  const known = new Map(
    Object.entries(options.settings).map(([name, setting]) => [name, createTarget(name, setting, options)]),
  );
  const secrets = new Map(Object.entries(options.secrets));
  return {
    resolve(name) {
      const target = known.get(name);
      if (target === undefined) throw notThere('target', name, [...known.keys()], options);
      return target();
    },
    secret(name) {
      const source = secrets.get(name);
      if (source === undefined) throw notThere('secret', name, [...secrets.keys()], options);
      return secretValue({ of: 'the step', source }, options.reader);
    },
  };
}

function notThere(
  what: 'target' | 'secret',
  name: string,
  known: readonly string[],
  { remedy }: TargetsOptions,
): EngineError {
  const names = known.map((one) => `"${one}"`).join(', ');
  const all = names === '' ? 'there are none at all' : `there are ${names}`;
  return new EngineError('TARGET_MISSING', `there is no ${what} "${name}" in the settings; ${all}`, {
    next: remedy(what, name),
  });
}

type Resolve = () => ResolvedTarget | Promise<ResolvedTarget>;

function createTarget(name: string, setting: TargetSetting, options: TargetsOptions): Resolve {
  const { baseUrl, headers, auth, tls } = setting;
  const plain: ResolvedTarget = { baseUrl, headers };
  if (placedSecrets(setting).length === 0 && auth === undefined && tls === undefined) return () => plain;
  const signer = auth === undefined ? undefined : signerOf(name, auth, options);
  const read = async (): Promise<Read> => {
    const values = await valuesOf(name, setting, options.reader);
    checkTls(name, setting, tlsOf(setting, values), options.reader);
    const signing = await signer?.signing(deskOf(name, setting, values, options));
    return { values, signing };
  };
  return async () => {
    const since = options.clock.now();
    const first = await read();
    const renewed = async (status: number): Promise<ResolvedTarget | 'tooSoon' | undefined> => {
      const renewals = [
        ...sourcesOf(setting).map(({ source }) => options.reader.renew(source.store, source.name, since)),
        signer?.renew?.(status, options.clock.now(), since),
      ];
      const now = await read();
      if (known(now) !== known(first)) return assembled(name, setting, now);
      // A 403 may well be about something else than who calls.
      return status === 401 && renewals.includes('tooSoon') ? 'tooSoon' : undefined;
    };
    return { ...assembled(name, setting, first), renewed };
  };
}

/** What was read of a target, beside its settings. */
interface Read {
  readonly values: ReadonlyMap<SecretSource, string>;
  readonly signing: Signing | undefined;
}

/** Equal for what sends the same. */
const known = ({ values, signing }: Read): string => JSON.stringify([[...values.values()], signing?.headers]);

function signerOf(target: string, auth: Auth, { authKinds }: TargetsOptions): Signer {
  const signer = madeBy(authKinds, auth);
  if (signer !== undefined) return signer;
  throw new EngineError(
    'CONFIGURATION',
    `target "${target}" has auth of type "${auth.type}", which is not in this bundle`,
  );
}

function madeBy(kinds: AuthKinds, auth: Auth): Signer | undefined {
  switch (auth.type) {
    case 'basic':
      return kinds.basic?.(auth);
    case 'hmac':
      return kinds.hmac?.(auth);
    case 'oauth2':
      return kinds.oauth2?.(auth);
    case 'sigv4':
      return kinds.sigv4?.(auth);
  }
}

/** The values of all that a target has by reference. */
async function valuesOf(
  target: string,
  setting: TargetSetting,
  reader: SecretReader,
): Promise<ReadonlyMap<SecretSource, string>> {
  const of = `target "${target}"`;
  const read = sourcesOf(setting).map(async ({ source }) => {
    const inHeader = 'header' in source && source.header !== undefined;
    return [source, await secretValue({ of, source, inHeader }, reader)] as const;
  });
  return new Map(await Promise.all(read));
}

function deskOf(
  target: string,
  setting: TargetSetting,
  values: Read['values'],
  { http, clock, env }: TargetsOptions,
): Desk {
  const value = (credential: Credential): string =>
    typeof credential === 'string' ? credential : (values.get(credential) ?? '');
  const tlsFor = (url: string): HttpRequest['tls'] =>
    URL.canParse(setting.baseUrl) && new URL(setting.baseUrl).hostname === new URL(url).hostname
      ? tlsOf(setting, values)
      : undefined;
  return { target, http, clock, env, tlsFor, value };
}

function assembled(name: string, setting: TargetSetting, { values, signing }: Read): ResolvedTarget {
  const secrets: readonly Placed[] = placedSecrets(setting).map(({ reference }) => ({
    reference,
    value: reference.prefix + (values.get(reference) ?? ''),
  }));
  const isElsewhere = secrets.some(({ reference }) => placeOf(reference)[0] !== 'header');
  const tls = tlsOf(setting, values);
  const sign = signing?.sign;
  const prepare = (request: HttpRequest): HttpRequest | Promise<HttpRequest> => {
    const whole = isElsewhere ? placed(name, request, secrets) : request;
    const secure = tls === undefined ? whole : { ...whole, tls };
    return sign === undefined ? secure : sign(secure);
  };
  return {
    baseUrl: setting.baseUrl,
    headers: { ...setting.headers, ...Object.fromEntries(placedIn('header', secrets)), ...signing?.headers },
    secrets: [...values.values(), ...(signing?.secrets ?? [])],
    ...(isElsewhere || tls !== undefined || sign !== undefined ? { prepare } : {}),
  };
}

/** Errors: `EngineError` `TARGET_MISSING`; whoever mends the certificates and resumes does not meet those that were kept. */
function checkTls(
  target: string,
  { tls }: TargetSetting,
  read: HttpRequest['tls'],
  reader: SecretReader,
): void {
  const problem = read === undefined ? undefined : tlsProblem(read);
  if (problem === undefined) return;
  for (const { source } of sourcesOf({ tls })) reader.forget(source.store, source.name);
  throw new EngineError('TARGET_MISSING', `the certificates of target "${target}": ${problem}`, {
    next: 'Correct tls in the settings of the target, or its secrets.',
  });
}

function tlsOf({ tls }: TargetSetting, values: Read['values']): HttpRequest['tls'] {
  if (tls === undefined) return undefined;
  const textOf = (pem: Credential): string => (typeof pem === 'string' ? pem : (values.get(pem) ?? ''));
  const { ca, cert, key } = tls;
  return {
    ...(ca === undefined ? {} : { ca: textOf(ca) }),
    ...(cert === undefined ? {} : { cert: textOf(cert) }),
    ...(key === undefined ? {} : { key: textOf(key) }),
  };
}
