import * as z from 'zod';
import { HEADER_VALUE, NOT_ALLOWED } from './headers.ts';
import { headerName, secretSource } from './secrets.ts';

/** A text that may be read by anyone, or a secret by reference. */
const credential = z.union([z.string().regex(HEADER_VALUE, NOT_ALLOWED), secretSource], {
  error: 'expected a text, or a secret: { store, name, field }',
});
export type Credential = z.infer<typeof credential>;

const absoluteUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !text.includes('#'),
    'expected an absolute URL such as https://auth.example.com/oauth/token',
  )
  .refine((text) => {
    const { username = '', password = '' } = URL.canParse(text) ? new URL(text) : {};
    return username === '' && password === '';
  }, 'a user name or password belongs in clientId and clientSecret, not in the URL');

/** RFC 7617. Without a password it is empty, as Stripe takes it. */
const basic = z
  .strictObject({ type: z.literal('basic'), user: credential, password: secretSource.optional() })
  .refine(({ user, password }) => typeof user !== 'string' || password !== undefined, {
    path: ['password'],
    message: 'neither user nor password is a secret; write password: { store, name }',
  })
  .refine(({ user }) => typeof user !== 'string' || !user.includes(':'), {
    path: ['user'],
    message: 'a user name has no colon',
  });

/**
 * RFC 6749, client credentials. `credentials`: whether client id and secret go to `tokenUrl` as HTTP Basic or in the form. `parameters` go into the form
 * as they are.
 */
const oauth2 = z.strictObject({
  type: z.literal('oauth2'),
  tokenUrl: absoluteUrl,
  clientId: credential,
  clientSecret: secretSource,
  scope: z.string().min(1).optional(),
  credentials: z.enum(['basic', 'form']).default('basic'),
  parameters: z.record(z.string().min(1), z.string()).optional(),
});

/** AWS Signature Version 4, with the credentials of the step's function. `allow`: what its role may then do. */
const sigv4 = z.strictObject({
  type: z.literal('sigv4'),
  /** The signing name of the service: `execute-api`, `lambda`. */
  service: z.string().regex(/^[a-z0-9-]+$/, 'expected the signing name of a service, such as execute-api'),
  /** Default: the region of the function. */
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'expected a region such as eu-central-1')
    .optional(),
  allow: z
    .strictObject({
      actions: z
        .array(z.string().regex(/^[a-z0-9-]+:[A-Za-z]+$/, 'expected an action such as execute-api:Invoke'))
        .min(1),
      resources: z.array(z.string().regex(/^arn:[a-z-]+:/, 'expected an ARN')).min(1),
    })
    .optional(),
});

const SIGNED = /\{(\w+)\}/g;
/** What a signature may be made of. `path` has the query with it. */
export const SIGNED_PARTS = ['method', 'path', 'timestamp', 'body'] as const;

const templateOf = (known: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const names = [...text.matchAll(SIGNED)].map(([, name = '']) => name);
    const unknown = names.find((name) => !known.includes(name));
    const message =
      unknown === undefined
        ? `expected a text with one of ${known.map((name) => `{${name}}`).join(', ')}`
        : `{${unknown}} is none of ${known.map((name) => `{${name}}`).join(', ')}`;
    if (unknown !== undefined || names.length === 0) context.addIssue({ code: 'custom', message });
  });

/**
 * A keyed hash of the request. `signs`: what is hashed. `value`: what `header` then has. `timestamp`: in which header the time goes out, in seconds (`s`) or
 * milliseconds (`ms`) since 1970, where the target wants it apart.
 * @example { type: 'hmac', secret, header: 'x-signature', signs: '{timestamp}.{body}', value: 't={timestamp},v1={signature}' }
 */
const hmac = z.strictObject({
  type: z.literal('hmac'),
  secret: secretSource,
  /** How the secret's text spells the key. */
  keyEncoding: z.enum(['text', 'hex', 'base64']).default('text'),
  header: headerName,
  algorithm: z.enum(['sha1', 'sha256', 'sha512']).default('sha256'),
  encoding: z.enum(['hex', 'base64']).default('hex'),
  signs: templateOf(SIGNED_PARTS).default('{body}'),
  value: templateOf(['signature', 'timestamp']).default('{signature}'),
  timestamp: z
    .strictObject({ header: headerName.optional(), unit: z.enum(['s', 'ms']).default('s') })
    .optional(),
});

/** How a target wants its requests signed in, beside secrets that have a place of their own. */
export const auth = z.discriminatedUnion('type', [basic, oauth2, sigv4, hmac]);
export type Auth = z.infer<typeof auth>;
export type AuthType = Auth['type'];
export type AuthOf<Type extends AuthType> = Extract<Auth, { type: Type }>;

/** Headers that a kind of auth writes itself. */
export function headersOfAuth(one: Auth): readonly string[] {
  switch (one.type) {
    case 'basic':
    case 'oauth2':
      return ['authorization'];
    case 'sigv4':
      return ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'];
    case 'hmac':
      return [one.header, ...(one.timestamp?.header === undefined ? [] : [one.timestamp.header])];
  }
}
