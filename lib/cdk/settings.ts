import * as z from 'zod';
import { isBackoffScale } from '../chain/settings.ts';
import { didYouMean } from '../chain/suggest.ts';
import { LIMITS } from '../contract/limits.ts';
import { LOG_LEVELS, MONITORING, type SettledStage, STAGE_NAMES } from '../contract/names.ts';
import { proxySetting, vpcSetting } from '../contract/network.ts';
import { KEY_ARN, secretReference, secretSources } from '../contract/secrets.ts';
import { checkTarget, sourcesOf, targetShape } from '../contract/targets.ts';

/** Days that CloudWatch Logs can keep a log group. Source: PutRetentionPolicy, `retentionInDays`. */
const RETENTION_DAYS = [
  ...[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731],
  ...[1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653],
] as const;

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;

const iam = z.strictObject({ type: z.literal('iam') });
const jwt = z.strictObject({
  type: z.literal('jwt'),
  /** Without a trailing path to the keys: API Gateway reads them from `<issuer>/.well-known/openid-configuration`. */
  issuer: z.url(),
  audience: z.array(z.string().min(1)).min(1).readonly(),
  /** The claim that names the tenant whose workflows a request may see. */
  tenantClaim: z.string().min(1),
  /** The scope that cancel and resume need. */
  operatorScope: z.string().min(1),
});

const topicArn = () =>
  z.string().regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:\S+$/, 'expected the ARN of a topic');

/** A target without a secret must say so: otherwise a forgotten secret would show only at the first call. */
const target = z
  .strictObject({ ...targetShape, secret: z.union([z.literal('none'), secretReference]).optional() })
  .transform(({ secret, ...rest }, context) => {
    if (secret === undefined && rest.secrets === undefined && rest.auth === undefined) {
      const message =
        "write secret: { store, name, header }, secrets: […], auth: { type, … }, or secret: 'none'";
      context.addIssue({ code: 'custom', path: ['secret'], message });
    }
    return { ...rest, ...(secret === undefined || secret === 'none' ? {} : { secret }) };
  })
  .superRefine(checkTarget);

const stageSettings = z.strictObject({
  /** Default: the account and region of the AWS credentials in use. */
  account: z
    .string()
    .regex(/^\d{12}$/, 'expected the 12 digits of an AWS account')
    .optional(),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected an AWS region such as eu-central-1')
    .optional(),
  /** The downstream APIs by the names that the chains use; `secret` is a reference, or `none`. */
  targets: z.record(z.string(), target),
  /** Secrets that the code of `run` steps reads, by the names that the steps use. */
  secrets: secretSources.optional(),
  /** Through which proxy the steps call targets. Default: none. */
  proxy: proxySetting.optional(),
  /** From which VPC the steps call targets. Default: from none, which reaches what is public. */
  vpc: vpcSetting.optional(),
  authorization: z.discriminatedUnion('type', [iam, jwt]),
  /** Requests a second that the API takes, and how many at once above that. */
  throttling: z.strictObject({ rate: z.int().positive(), burst: z.int().positive() }),
  /** Origins of browsers that may call the API. Default: none. */
  corsOrigins: z
    .array(
      z
        .string()
        .refine(
          isOrigin,
          'expected an origin such as https://shop.example.com, without a path or a slash at its end',
        ),
    )
    .min(1)
    .readonly()
    .optional(),
  logLevel: z.enum(LOG_LEVELS),
  logRetentionDays: z.literal(RETENTION_DAYS),
  /**
   * How closely the stage is watched. `full`: alarms and metrics of each step, and a dashboard. `lean`: of each chain, without a
   * dashboard, for a stage that few use.
   */
  monitoring: z.enum(MONITORING).default('full'),
  /**
   * Whose key encrypts the table and the topics. `customer-managed`: a key of the stage, which shows each use in CloudTrail and can be
   * switched off. `aws-owned`: AWS's own, which costs nothing.
   */
  encryption: z.enum(['customer-managed', 'aws-owned']).default('customer-managed'),
  /** Who is told of alarms and failed workflows: an address, or topics of the team's own. */
  onCall: z.union(
    [
      z.strictObject({ email: z.email() }),
      z.strictObject({
        /** Where alarms are told. */
        topicArn: topicArn(),
        /** Where failed workflows are told, apart from the alarms: a flood of one must not end the other. */
        failuresTopicArn: topicArn(),
        /** The key that encrypts the topic of failures, if it has one. */
        keyArn: z.string().regex(KEY_ARN, 'expected the ARN of a key').optional(),
      }),
      z.literal('nobody'),
    ],
    { error: 'expected { email }, { topicArn, failuresTopicArn } or "nobody"' },
  ),
  /** Where docs/runbook.md can be read, without a heading: mails and alarms lead to it. */
  runbookUrl: z
    .url({ protocol: /^https?$/, error: 'expected the http or https address of docs/runbook.md' })
    .refine((url) => !url.includes('#'), 'expected an address without a #heading'),
  /** What becomes of the table, its key and the access logs when the stack is destroyed. */
  removal: z.enum(['retain', 'destroy']),
  /**
   * A table that is there already, restored from a backup or left by a stack that was deleted: the stage goes on with it and makes none
   * of its own. `keyArn`: the key that encrypts it; left out where that is AWS's own.
   */
  existing: z
    .strictObject({
      table: z
        .string()
        .regex(
          /^[A-Za-z0-9_.-]{3,255}$/,
          'expected the name of a DynamoDB table: 3 to 255 letters, digits and _.-',
        ),
      keyArn: z.string().regex(KEY_ARN, 'expected the ARN of a key').optional(),
      /** Whether the log group of the API's requests is there as well: a stack that was deleted leaves it, too. */
      accessLogs: z.boolean().default(false),
    })
    .optional(),
  /** No function takes a message and the reconciler does not run: to look at a table before anything is done with it. */
  paused: z.literal(true).optional(),
  /** How many functions of one step run at a time, unless the step says otherwise. */
  concurrency: z.int().min(LIMITS.concurrencyLeast).max(LIMITS.concurrencyMost),
  /**
   * How many reads may wait for a change at once; 0 for none. Never more than a tenth of the executions that the account allows, which is
   * the default where they are known, as `npm run deploy` knows them.
   */
  waiting: z.int().min(0).max(LIMITS.waitPlacesMost).optional(),
  /**
   * For tests: what all waits between attempts are multiplied with, so that nobody waits for minutes. On SQS a wait is a second at least.
   */
  backoffScale: z
    .number()
    .refine(isBackoffScale, 'expected a number above 0 and at most 1, such as 0.01')
    .optional(),
  /** An AWS emulator on this machine: base URLs may then be http on a loopback address. */
  emulator: z.literal(true).optional(),
});
export type StageSettings = z.output<typeof stageSettings>;

/** What a settings file exports: the settings of each stage. */
export type Stages = Readonly<Record<SettledStage, z.input<typeof stageSettings>>>;

/** Settings, or a stage, that cannot be deployed. The message names the setting and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * The name of a stage, as `-c stage=…` gives it.
 * Errors: `SettingsError`, which names the stages.
 * @example stageName('dev') // 'dev'
 */
export function stageName(given: unknown): SettledStage {
  const known = STAGE_NAMES.find((name) => name === given);
  if (known !== undefined) return known;
  const hint = `The stages are ${STAGE_NAMES.join(', ')}.`;
  if (given === undefined) throw new SettingsError(`No stage is given. Write -c stage=dev. ${hint}`);
  throw new SettingsError(
    `There is no stage ${JSON.stringify(given)}. ${didYouMean(String(given), STAGE_NAMES)}${hint}`,
  );
}

/**
 * The checked settings of one stage.
 * Errors: `SettingsError`, which names every wrong setting and what is allowed.
 * @example settingsOf(stages, 'dev').logLevel // 'debug'
 */
export function settingsOf(stages: Stages, stage: SettledStage): StageSettings {
  const parsed = stageSettings.safeParse(stages[stage]);
  if (!parsed.success)
    throw wrong(
      stage,
      parsed.error.issues.map((issue) => sentence(issue)),
    );
  const problems = [
    ...unsafeUrls(parsed.data),
    ...unsafeHeaders(parsed.data),
    ...unreadSecrets(parsed.data),
    ...wrongTopics(parsed.data),
    ...ownTable(stage, parsed.data),
    ...unsafeProd(stage, parsed.data),
  ];
  if (problems.length > 0) throw wrong(stage, problems);
  return parsed.data;
}

const wrong = (stage: SettledStage, problems: readonly string[]): SettingsError =>
  new SettingsError(
    [`The settings of stage "${stage}" are wrong:`, ...problems.map((problem) => `  ${problem}`)].join('\n'),
  );

function sentence(issue: z.core.$ZodIssue, under: readonly PropertyKey[] = []): string {
  const path = [...under, ...issue.path];
  const branch = issue.code === 'invalid_union' ? nearest(issue.errors) : undefined;
  // A union says only that no branch fits: the branch that came nearest says what is wrong.
  if (branch !== undefined) return sentence(branch, path);
  return `${path.length === 0 ? 'settings' : path.join('.')}: ${issue.message.replace(/^Invalid input: /, '')}`;
}

/** The first issue of the branch that came nearest: the one with the deepest path, then with the fewest issues. */
const nearest = (branches: readonly (readonly z.core.$ZodIssue[])[]): z.core.$ZodIssue | undefined =>
  branches
    .flatMap((issues) => issues.slice(0, 1).map((issue) => ({ issue, count: issues.length })))
    .filter(({ issue }) => issue.path.length > 0)
    .sort((one, other) => other.issue.path.length - one.issue.path.length || one.count - other.count)[0]
    ?.issue;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Targets receive cards and addresses, and the issuer sends keys: none of it may travel unencrypted. */
function unsafeUrls({ targets, authorization, emulator }: StageSettings): readonly string[] {
  const urls = Object.entries(targets).flatMap(([name, { baseUrl, auth }]) => [
    [`targets.${name}.baseUrl`, baseUrl],
    ...(auth?.type === 'oauth2' ? [[`targets.${name}.auth.tokenUrl`, auth.tokenUrl]] : []),
  ]);
  if (authorization.type === 'jwt') urls.push(['authorization.issuer', authorization.issuer]);
  return urls.flatMap(([setting, url = '']) => {
    const { protocol, hostname } = new URL(url);
    if (protocol === 'https:' || (emulator && LOOPBACK.test(hostname))) return [];
    const allowed = emulator ? 'https:, or with http: on a loopback address' : 'https:';
    return [`${setting}: ${JSON.stringify(url)} must begin with ${allowed}`];
  });
}

/** Headers that carry credentials. */
const CREDENTIALS = /^(authorization|proxy-authorization|cookie|x-api-key)$/;

/** Settings are in the repository and in the template, so they hold no secret. On AWS there are no variables for `env:` to read. */
function unsafeHeaders({ targets }: StageSettings): readonly string[] {
  return Object.entries(targets).flatMap(([name, { headers }]) =>
    Object.entries(headers).flatMap(([header, value]) =>
      CREDENTIALS.test(header) || value.startsWith('env:')
        ? [
            `targets.${name}.headers.${header}: no secret and no env: variable may be here; keep the value in a secret store, and write secret: { store, name, header: '${header}' }`,
          ]
        : [],
    ),
  );
}

/** On AWS a function has no variables of the user's. */
function unreadSecrets({ targets, secrets = {} }: StageSettings): readonly string[] {
  const all = [
    ...Object.entries(targets).flatMap(([name, target]) =>
      sourcesOf(target).map(({ at, source }) => ({ at: `targets.${name}.${at}`, source })),
    ),
    ...Object.entries(secrets).map(([name, source]) => ({ at: `secrets.${name}`, source })),
  ];
  return all.flatMap(({ at, source }) =>
    source.store === 'env'
      ? [`${at}: the store "env" is for npm start; keep the value in Secrets Manager or the Parameter Store`]
      : [],
  );
}

/** An alarm can publish only to topics of its own region. Failures go where no alarm goes. */
function wrongTopics({ onCall, region }: StageSettings): readonly string[] {
  if (typeof onCall !== 'object' || !('topicArn' in onCall)) return [];
  const same =
    onCall.topicArn === onCall.failuresTopicArn
      ? [
          'onCall.failuresTopicArn: write another topic than that of the alarms; subscribe the same people to both',
        ]
      : [];
  const foreign = (['topicArn', 'failuresTopicArn'] as const).flatMap((setting) => {
    const [, , , topicRegion] = onCall[setting].split(':');
    return region === undefined || topicRegion === region
      ? []
      : [
          `onCall.${setting}: the topic is in ${topicRegion}, but the stage is in ${region}; a stage reaches only topics of its own region`,
        ];
  });
  return [...same, ...foreign];
}

/** CloudFormation deletes the table of a stack that no longer makes it, unless the stack keeps its data. */
const ownTable = (
  stage: SettledStage,
  { existing, removal, encryption }: StageSettings,
): readonly string[] => [
  ...(existing?.table === `stepline_${stage}` && removal === 'destroy'
    ? [
        'existing.table: this is the stage’s own table, and with removal "destroy" the deployment would delete it; restore it under another name, or leave existing out',
      ]
    : []),
  // Without it no function could read the table.
  ...(existing !== undefined && existing.keyArn === undefined && encryption === 'customer-managed'
    ? [
        'existing.keyArn: write the ARN of the key that encrypts the table; a restored table has that of its backup',
      ]
    : []),
];

/** Settings that would be found wrong only in an emergency. */
function unsafeProd(
  stage: SettledStage,
  { removal, onCall, emulator, backoffScale }: StageSettings,
): readonly string[] {
  const real =
    stage !== 'dev' && emulator ? ['emulator: only dev may be deployed to an emulator; leave it out'] : [];
  if (stage !== 'prod') return real;
  return [
    ...real,
    ...(backoffScale === undefined
      ? []
      : [
          'backoffScale: it is for tests, and prod would use up all attempts while a target is away; leave it out',
        ]),
    ...(removal === 'retain' ? [] : ['removal: prod must keep its data; write "retain"']),
    ...(onCall === 'nobody'
      ? ['onCall: prod must tell somebody; write { email } or { topicArn, failuresTopicArn }']
      : []),
  ];
}
