import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import type { Behind, Deployed } from '../deployment/stage.ts';

const ROOT = join(import.meta.dirname, '../../..');

/**
 * The checks that MiniStack 1.5.33 can take part in, in the time of a test. `lost` and `killed` wait for the schedule of the
 * reconciler and for a visibility timeout: `lambda.ts` shows the same with the reconciler run by hand.
 */
const SHOWN = ['retry', 'batch', 'dead-letter'];
/** It follows no invocation by a queue, and receives nothing for a function that is throttled. */
const NOT_SHOWN = ['recursion', 'throttled'];

/** What the user sees of the script: as he runs it, beside his own stage. */
export function probeScenarios(deployed: () => Deployed): void {
  it('shows on the emulator what it can show, calls nothing passed that it cannot, and leaves nothing', {
    timeout: 300_000,
  }, async () => {
    const { aws, back } = deployed();
    const before = await namesOf(back);
    const only = [...SHOWN, ...NOT_SHOWN].join(',');
    const { code, said } = await probe(aws.env, ['--stage', 'dev', '--only', only]);
    const report = /^Report:\n(.*?)\n\n/ms.exec(said)?.[1] ?? said;
    const verdicts = report.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2).reverse());
    expect(Object.fromEntries(verdicts), said).toEqual({
      ...Object.fromEntries(SHOWN.map((name) => [name, 'passed'])),
      ...Object.fromEntries(NOT_SHOWN.map((name) => [name, 'could not be checked'])),
    });
    expect(report).toContain('1 of 1 workflows of 20 steps completed, 20 attempts');
    expect(report).toContain('3 of 3 workflows completed within');
    expect(report).toContain('with 1, 1, 1 attempts');
    // Something is not known.
    expect(code).toBe(3);
    expect(await namesOf(back)).toEqual(before);
  });
}

async function probe(
  env: Readonly<Record<string, string>>,
  words: readonly string[],
): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bin/probe.ts', ...words], {
    cwd: ROOT,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: child.exitCode, said };
}

/** Of all functions and queues that there are. */
async function namesOf({ lambda, sqs }: Behind): Promise<readonly string[]> {
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
  return [...Functions.map(({ FunctionName = '' }) => FunctionName), ...QueueUrls].sort();
}
