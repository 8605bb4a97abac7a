import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { type Changes, trackChanges } from './changes.ts';
import { onEmulator } from './emulator.ts';
import { createSums } from './metrics.ts';
import type { Check, Probe } from './probe.ts';
import { type Finding, findingOf, lineOf } from './report.ts';
import { signedFetch } from './signed-fetch.ts';

/** The URL of the API of a stack, in what `cdk deploy --outputs-file` writes. */
export function apiUrlIn(outputs: string, stack: string): string {
  const stacks = z.record(z.string(), z.looseObject({ ApiUrl: z.url() })).parse(JSON.parse(outputs));
  const url = stacks[stack]?.ApiUrl;
  if (url === undefined) throw new Error(`the outputs do not say where the API of ${stack} is`);
  return url;
}

export interface ProbeOptions {
  /** Where the API of the stage `probe` is. */
  readonly apiUrl: string;
  /** Undefined for the one that the environment says. */
  readonly region: string | undefined;
  /** What the names of the stage's queues and functions begin with. */
  readonly prefix: string;
  readonly signal: AbortSignal;
  say(line: string): void;
}

export interface OpenProbe {
  readonly probe: Probe;
  readonly changes: Changes;
  close(): void;
}

/** The stage `probe`, as whoever is signed in to AWS sees it. Errors: no region is known. */
export async function openProbe(
  { apiUrl, region: wanted, prefix, signal, say }: ProbeOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<OpenProbe> {
  const options = wanted === undefined ? {} : { region: wanted };
  const clients = {
    lambda: new LambdaClient(options),
    sqs: new SQSClient(options),
    sns: new SNSClient(options),
    logs: new CloudWatchLogsClient(options),
  };
  const region = await clients.lambda.config.region();
  const signer = { region, credentials: clients.lambda.config.credentials };
  const changes = trackChanges(say);
  return {
    changes,
    probe: {
      ...clients,
      prefix,
      signal,
      changes,
      emulator: onEmulator(env),
      send: signedFetch(apiUrl, signer),
      sums: createSums(region, signer, env.AWS_ENDPOINT_URL),
    },
    close: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

/**
 * Runs the checks at a time, and says each one's line when it has ended. Never throws.
 * @example const findings = await runChecks(probe, checks, console.log);
 */
export const runChecks = (
  probe: Probe,
  checks: readonly Check[],
  say: (line: string) => void,
): Promise<readonly Finding[]> =>
  Promise.all(
    checks.map(async ({ name, run }) => {
      const finding = await run(probe).catch(findingOf);
      say(lineOf(name, finding));
      return finding;
    }),
  );
