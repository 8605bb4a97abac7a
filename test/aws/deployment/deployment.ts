import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { type DemoTargets, startDemoTargets } from '../../../lib/local/demo/targets.ts';
import { ACCOUNT, type MiniStack, REGION } from '../ministack/ministack.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** What the suite's CDK app is told (`app.ts`): JSON in the context `deployment`. */
export const deployment = z.strictObject({
  /** Base URLs by the names of the targets. */
  targets: z.record(z.string(), z.url()),
  authorization: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('iam') }),
    z.strictObject({
      type: z.literal('jwt'),
      issuer: z.url(),
      audience: z.array(z.string()),
      tenantClaim: z.string(),
      operatorScope: z.string(),
    }),
  ]),
  /** With the changed chain beside the one that it follows. */
  changed: z.boolean().default(false),
  /** The chains that `functions/chains/index.ts` lists, and none of the tests. */
  listed: z.boolean().default(false),
  /** A table that is there already, and the key that encrypts it. */
  existing: z.strictObject({ table: z.string(), keyArn: z.string() }).optional(),
  paused: z.literal(true).optional(),
});
export type Deployment = z.input<typeof deployment>;

export interface Outputs {
  readonly apiUrl: string;
  readonly dashboardUrl: string;
}

/** `cdk bootstrap` on an emulator. */
export const bootstrap = (aws: MiniStack, what: Deployment): Promise<void> =>
  cdk(aws, what, ['bootstrap', `aws://${ACCOUNT}/${REGION}`]);

/** `cdk deploy` of the stage `dev`. */
export async function deploy(aws: MiniStack, what: Deployment): Promise<Outputs> {
  const folder = mkdtempSync(join(tmpdir(), 'stepline-outputs-'));
  const file = join(folder, 'outputs.json');
  try {
    await cdk(aws, what, ['deploy', '--require-approval', 'never', '--outputs-file', file]);
    return outputs.parse(JSON.parse(readFileSync(file, 'utf8')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `cdk destroy` of what was deployed. */
export const destroy = (aws: MiniStack, what: Deployment): Promise<void> =>
  cdk(aws, what, ['destroy', '--force']);

const outputs = z
  .object({ 'stepline-dev': z.object({ ApiUrl: z.url(), DashboardUrl: z.url().default('http://x') }) })
  .transform(({ 'stepline-dev': { ApiUrl, DashboardUrl } }) => ({
    apiUrl: ApiUrl,
    dashboardUrl: DashboardUrl,
  }));

/** The CDK CLI as a user runs it. Errors: what it printed, if it fails. */
async function cdk(aws: MiniStack, what: Deployment, words: readonly string[]): Promise<void> {
  const output = join(ROOT, 'dist/cdk', String(aws.port));
  mkdirSync(output, { recursive: true });
  const child = spawn(
    process.execPath,
    [
      'node_modules/aws-cdk/bin/cdk',
      ...words,
      ...['--app', 'node --import tsx test/aws/deployment/app.ts', '--output', output],
      ...['-c', 'stage=dev', '-c', `deployment=${JSON.stringify(what)}`],
    ],
    { cwd: ROOT, env: { ...process.env, ...aws.env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => printed.push(text.toString()));
  }
  await once(child, 'close');
  if (child.exitCode !== 0)
    throw new Error(`cdk ${words[0]} ended with ${child.exitCode}:\n${printed.join('')}`);
}

/** Demo targets on ports that stay the same from one scenario to the next: they are in the functions' settings. */
export interface StandingTargets {
  readonly baseUrls: Readonly<Record<string, string>>;
  /** New ones in their place, whole and with empty ledgers. */
  renew(): Promise<DemoTargets>;
  close(): Promise<void>;
}

/** Below the ports that systems give to outgoing connections, which would take one of ours now and then. */
const PORTS = { first: 20_000, last: 30_000 } as const;
const TRIES = 50;

/** Starts demo targets. Errors: their ports are taken again and again. */
export async function standingTargets(): Promise<StandingTargets> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const first = randomInt(PORTS.first, PORTS.last);
    const demo = await startDemoTargets({ ports: { first } });
    // A port that is taken is replaced by any other, which would not be found again.
    if (portsOf(demo).every((port, at) => port === first + at)) return standing(demo, first);
    await demo.close();
  }
  throw new Error(`no free ports between ${PORTS.first} and ${PORTS.last} in ${TRIES} tries`);
}

const portsOf = ({ admin, targets }: DemoTargets): readonly number[] => [
  admin.port,
  ...Object.values(targets).map(({ baseUrl }) => Number(new URL(baseUrl).port)),
];

function standing(started: DemoTargets, first: number): StandingTargets {
  let demo = started;
  return {
    baseUrls: urlsOf(demo),
    renew: async () => {
      await demo.close();
      demo = await startDemoTargets({ ports: { first } });
      if (portsOf(demo).some((port, at) => port !== first + at)) {
        throw new Error(`one of the ports from ${first} on was taken by another process`);
      }
      return demo;
    },
    close: () => demo.close(),
  };
}

const urlsOf = ({ targets }: DemoTargets): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(targets).map(([name, { baseUrl }]) => [name, baseUrl]));
