import * as z from 'zod';
import { type Auth, auth, type Credential, headersOfAuth } from './auth.ts';
import { HEADER_VALUE, headerProblem, NOT_ALLOWED } from './headers.ts';
import {
  PLACE_NAME,
  type SecretReference,
  type SecretSource,
  secretReference,
  secretSource,
} from './secrets.ts';

/** Names in lower case, as a request's own are: one name, one value. */
const headers = z
  .record(z.string(), z.string().regex(HEADER_VALUE, NOT_ALLOWED))
  .superRefine((written, context) => {
    const taken = new Set<string>();
    for (const name of Object.keys(written)) {
      const twice = taken.has(name.toLowerCase())
        ? 'this header is given twice; upper and lower case do not matter'
        : undefined;
      const message = headerProblem(name) ?? twice;
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
      taken.add(name.toLowerCase());
    }
  })
  .transform((written) =>
    Object.fromEntries(Object.entries(written).map(([name, value]) => [name.toLowerCase(), value])),
  );

/** A secret's place in a base URL or in the path of a request. */
export const PLACE = /\{([^{}/?#]*)\}/g;

const namesIn = (text: string): readonly string[] => [...text.matchAll(PLACE)].map(([, name = '']) => name);

const baseUrl = z.string().transform((text, context) => {
  // A parser would escape the braces.
  const names = namesIn(text);
  let at = 0;
  const plain = text.replaceAll(PLACE, () => `place--${at++}--`);
  const odd = names.find((name) => !PLACE_NAME.test(name));
  const problem =
    odd === undefined ? baseUrlProblem(plain) : `{${odd}} is no place of a secret: letters, digits, _ and -`;
  if (problem === undefined) {
    const { origin, pathname } = new URL(plain);
    return (origin + pathname)
      .replace(/\/+$/, '')
      .replaceAll(/place--(\d+)--/g, (_, number: string) => `{${names[Number(number)] ?? ''}}`);
  }
  context.addIssue({ code: 'custom', message: problem });
  return z.NEVER;
});

function baseUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected an absolute URL such as https://payments.example.com/v1';
  const { protocol, username, password } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return 'expected a URL that begins with http: or https:';
  if (username !== '' || password !== '')
    return 'a user name or password belongs in a header, not in the URL';
  if (/[?#]/.test(text)) return 'expected a URL without query and fragment';
  return undefined;
}

const pem = z.union([z.string().regex(/-----BEGIN /, 'expected PEM text, or a secret'), secretSource], {
  error: 'expected PEM text, or a secret: { store, name, field }',
});

/**
 * Certificates of a target, as PEM: `ca`, the authorities to trust in place of Node's own; `cert` and `key`, by which the target knows the client.
 * @example { cert: { store: 'secrets-manager', name: 'bank', field: 'cert' }, key: { store: 'secrets-manager', name: 'bank', field: 'key' } }
 */
const tls = z
  .strictObject({ ca: pem.optional(), cert: pem.optional(), key: secretSource.optional() })
  .refine(({ ca, cert }) => ca !== undefined || cert !== undefined, 'write ca, or cert and key')
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    path: ['key'],
    message: 'cert and key go together',
  });

/** What the settings of a target may say. */
export const targetShape = {
  baseUrl,
  headers: headers.default({}),
  secret: secretReference.optional(),
  secrets: z.array(secretReference).min(1).optional(),
  auth: auth.optional(),
  tls: tls.optional(),
};

type Written = z.infer<z.ZodObject<typeof targetShape>>;

/** What no part of a target can say alone: who writes a header, a parameter or a place. */
export function checkTarget(setting: Written, context: Pick<z.core.$RefinementCtx, 'addIssue'>): void {
  const issue = (path: readonly PropertyKey[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  const taken = new Map<string, string>();
  const take = (place: string, path: readonly PropertyKey[], by: string): void => {
    const before = taken.get(place);
    if (before !== undefined) issue(path, `${before} already; leave it out there`);
    taken.set(place, by);
  };
  for (const header of Object.keys(setting.headers)) {
    taken.set(`header ${header}`, 'the headers of the target have this one');
  }
  for (const header of setting.auth === undefined ? [] : headersOfAuth(setting.auth)) {
    take(`header ${header}`, ['auth'], `auth of type "${setting.auth?.type}" writes this header`);
  }
  for (const { at, reference } of placedSecrets(setting)) {
    const [place, name] = placeOf(reference);
    take(`${place} ${name}`, [...at, place], `another secret has this ${place}`);
  }
  const places = placedSecrets(setting).flatMap(({ reference }) => reference.path ?? []);
  for (const name of namesIn(setting.baseUrl)) {
    if (!places.includes(name))
      issue(
        ['baseUrl'],
        `{${name}} is the place of no secret; write secrets: [{ store, name, path: '${name}' }]`,
      );
  }
  if (setting.tls !== undefined && setting.baseUrl.startsWith('http:'))
    issue(['tls'], 'the base URL begins with http:, where no certificate is used');
}

/** One target of a stage. `baseUrl` is absolute; what comes out has no trailing slash, and header names in lower case. */
export const targetSetting = z.strictObject(targetShape).superRefine(checkTarget);
export type TargetSetting = z.infer<typeof targetSetting>;

/** Where a secret goes, and under which name. */
export function placeOf({
  header,
  query,
  path,
}: SecretReference): readonly ['header' | 'query' | 'path', string] {
  if (header !== undefined) return ['header', header];
  return query === undefined ? ['path', path ?? ''] : ['query', query];
}

/** A target's secrets that have a place in its requests, and where the settings have them. */
export const placedSecrets = ({
  secret,
  secrets = [],
}: Pick<Written, 'secret' | 'secrets'>): readonly {
  readonly at: readonly PropertyKey[];
  readonly reference: SecretReference;
}[] => [
  ...(secret === undefined ? [] : [{ at: ['secret'], reference: secret }]),
  ...secrets.map((reference, index) => ({ at: ['secrets', index], reference })),
];

/** All that a target has by reference, and where its settings have it: `secret`, `secrets.0`, `auth.password`, `tls.key`. */
export function sourcesOf(
  setting: Pick<Written, 'secret' | 'secrets' | 'auth' | 'tls'>,
): readonly { readonly at: string; readonly source: SecretSource }[] {
  const { ca, cert, key } = setting.tls ?? {};
  const others = { ...credentialsOf(setting.auth), 'tls.ca': ca, 'tls.cert': cert, 'tls.key': key };
  return [
    ...placedSecrets(setting).map(({ at, reference }) => ({ at: at.join('.'), source: reference })),
    ...Object.entries(others).flatMap(([at, one]: [string, Credential | undefined]) =>
      one === undefined || typeof one === 'string' ? [] : [{ at, source: one }],
    ),
  ];
}

function credentialsOf(one: Auth | undefined): Readonly<Record<string, Credential | undefined>> {
  switch (one?.type) {
    case 'basic':
      return { 'auth.user': one.user, 'auth.password': one.password };
    case 'oauth2':
      return { 'auth.clientId': one.clientId, 'auth.clientSecret': one.clientSecret };
    case 'hmac':
      return { 'auth.secret': one.secret };
    default:
      return {};
  }
}

/**
 * The targets of a stage by name, as `STEPLINE_TARGETS` holds them; parsing what was parsed changes nothing.
 * @example targetSettings.parse({ payments: { baseUrl: 'https://pay.example/v1/', headers: { 'X-Mode': 'live' } } })
 * // { payments: { baseUrl: 'https://pay.example/v1', headers: { 'x-mode': 'live' } } }
 */
export const targetSettings = z.record(z.string().min(1), targetSetting);
