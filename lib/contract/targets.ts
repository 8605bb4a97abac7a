import * as z from 'zod';
import { HEADER_VALUE, headerProblem, NOT_ALLOWED } from './headers.ts';

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

const baseUrl = z.string().transform((text, context) => {
  const problem = baseUrlProblem(text);
  if (problem === undefined) {
    const { origin, pathname } = new URL(text);
    return (origin + pathname).replace(/\/+$/, '');
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

/** Where a stage keeps its secrets: AWS Secrets Manager, or a parameter of AWS Systems Manager. */
export const SECRET_STORES = ['secrets-manager', 'ssm'] as const;
export type SecretStore = (typeof SECRET_STORES)[number];

/** What both stores take in a name. No colon: an ARN, a version or a label cannot be granted by name. */
const SECRET_NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;

/** The ARN of a key of AWS KMS. */
export const KEY_ARN = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/\S+$/;

/**
 * A secret by reference: `header` is sent as `prefix` and the secret's text, or the text in its `field` where the secret
 * is a JSON object. `keyArn`: the key that encrypts it, where that is not the store's own; the function may then use it.
 * @example { store: 'secrets-manager', name: 'stepline/dev/payments', header: 'authorization', prefix: 'Bearer ', field: 'apiKey' }
 */
export const secretReference = z
  .strictObject({
    store: z.enum(SECRET_STORES),
    name: z
      .string()
      .regex(SECRET_NAME, 'expected the name of a secret, not its ARN: 1 to 512 letters, digits and /_+=.@-'),
    header: z.string().transform((name, context) => {
      const message = headerProblem(name);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
      return name.toLowerCase();
    }),
    prefix: z.string().regex(HEADER_VALUE, NOT_ALLOWED).default(''),
    field: z.string().min(1).optional(),
    keyArn: z.string().regex(KEY_ARN, 'expected the ARN of a key').optional(),
  })
  .refine(({ store, name }) => store !== 'ssm' || !name.includes('/') || name.startsWith('/'), {
    path: ['name'],
    message: 'a parameter name that contains / must begin with /',
  });
export type SecretReference = z.infer<typeof secretReference>;

/** The command that makes a secret. Its value comes from a file, so that it is in no shell's history. */
export const createSecretCommand = ({ store, name }: Pick<SecretReference, 'store' | 'name'>): string =>
  store === 'ssm'
    ? `aws ssm put-parameter --name ${name} --type SecureString --value file://secret.txt`
    : `aws secretsmanager create-secret --name ${name} --secret-string file://secret.txt`;

/** One target of a stage. `baseUrl` is absolute; what comes out has no trailing slash, and header names in lower case. */
export const targetSetting = z
  .strictObject({
    baseUrl,
    headers: headers.default({}),
    secret: secretReference.optional(),
  })
  .refine(({ headers, secret }) => secret === undefined || !Object.hasOwn(headers, secret.header), {
    path: ['secret', 'header'],
    message: 'the headers of the target have this one already; leave it out there',
  });
export type TargetSetting = z.infer<typeof targetSetting>;

/**
 * The targets of a stage by name, as `STEPLINE_TARGETS` holds them; parsing what was parsed changes nothing.
 * @example targetSettings.parse({ payments: { baseUrl: 'https://pay.example/v1/', headers: { 'X-Mode': 'live' } } })
 * // { payments: { baseUrl: 'https://pay.example/v1', headers: { 'x-mode': 'live' } } }
 */
export const targetSettings = z.record(z.string().min(1), targetSetting);
