import * as z from 'zod';
import { HEADER_VALUE, headerProblem, NOT_ALLOWED } from './headers.ts';

/** Where secrets are kept: AWS Secrets Manager, a parameter of AWS Systems Manager; for `npm start`, an environment variable. */
export const SECRET_STORES = ['secrets-manager', 'ssm', 'env'] as const;
export type SecretStore = (typeof SECRET_STORES)[number];

/** What all stores take in a name. No colon: an ARN, a version or a label cannot be granted by name. */
const SECRET_NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;

/** The ARN of a key of AWS KMS. */
export const KEY_ARN = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/\S+$/;

const source = {
  store: z.enum(SECRET_STORES),
  name: z
    .string()
    .regex(SECRET_NAME, 'expected the name of a secret, not its ARN: 1 to 512 letters, digits and /_+=.@-'),
  field: z.string().min(1).optional(),
  keyArn: z.string().regex(KEY_ARN, 'expected the ARN of a key').optional(),
};

const isNameOf = ({ store, name }: { readonly store: SecretStore; readonly name: string }): boolean =>
  store !== 'ssm' || !name.includes('/') || name.startsWith('/');
const NOT_A_NAME = { path: ['name'], message: 'a parameter name that contains / must begin with /' };

/**
 * A secret by reference: its text, or the text in its `field` where the secret is a JSON object. `keyArn`: the key that encrypts it, where that
 * is not the store's own; the function may then use it.
 * @example { store: 'secrets-manager', name: 'stepline/dev/twilio', field: 'token' }
 */
export const secretSource = z.strictObject(source).refine(isNameOf, NOT_A_NAME);
export type SecretSource = z.infer<typeof secretSource>;

/** The name of a header that settings may set, in lower case. */
export const headerName = z.string().transform((name, context) => {
  const message = headerProblem(name);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
  return name.toLowerCase();
});

/** What stands in braces in a base URL or a path: `/bot{token}/sendMessage`. */
export const PLACE_NAME = /^[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*$/;

const PLACES = ['header', 'query', 'path'] as const;
/**
 * A secret and its place in every request to its target, as `prefix` and its value: a header, a parameter of the query, or wherever `{…}` with this
 * name stands in the base URL or in the path of a request.
 * @example { store: 'secrets-manager', name: 'stepline/dev/payments', header: 'authorization', prefix: 'Bearer ', field: 'apiKey' }
 * @example { store: 'ssm', name: '/stepline/dev/maps', query: 'api_key' }
 * @example { store: 'env', name: 'BOT_TOKEN', path: 'token' } // of the base URL https://api.example.com/bot{token}
 */
export const secretReference = z
  .strictObject({
    ...source,
    header: headerName.optional(),
    query: z.string().min(1).optional(),
    path: z
      .string()
      .regex(PLACE_NAME, 'expected the name that stands in braces: letters, digits, _ and -')
      .optional(),
    prefix: z.string().regex(HEADER_VALUE, NOT_ALLOWED).default(''),
  })
  .refine(isNameOf, NOT_A_NAME)
  .superRefine((reference, context) => {
    const places = PLACES.filter((place) => reference[place] !== undefined);
    if (places.length === 1) return;
    const [, second = 'header'] = places;
    const message =
      "write one place: header: 'authorization', query: 'api_key', or path: 'token' for {token} in the base URL or in paths";
    context.addIssue({ code: 'custom', path: [second], message });
  });

export type SecretReference = z.infer<typeof secretReference>;

/** Secrets that `run` steps name, as `STEPLINE_SECRETS` holds them. */
export const secretSources = z.record(z.string().min(1), secretSource);

/** The command that makes a secret. Its value comes from a file, so that it is in no shell's history. */
export const createSecretCommand = ({ store, name }: Pick<SecretSource, 'store' | 'name'>): string => {
  if (store === 'env') return `export ${name}="$(cat secret.txt)"`;
  return store === 'ssm'
    ? `aws ssm put-parameter --name ${name} --type SecureString --value file://secret.txt`
    : `aws secretsmanager create-secret --name ${name} --secret-string file://secret.txt`;
};
