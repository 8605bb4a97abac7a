import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { signedFetch } from './api.ts';
import { ACCOUNT, type MiniStack, startMiniStack } from './ministack.ts';
import { PYTHON } from './python.ts';
import { onMiniStack } from './suite.ts';

const OWNER = join(import.meta.dirname, 'owner.ts');

onMiniStack('MiniStack', () => {
  let folder: string;
  let temporary: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stepline-aws-'));
    temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** The process of a function, which is of MiniStack's making. */
  const runFunction = async ({ endpoint, env }: Pick<MiniStack, 'endpoint' | 'env'>): Promise<number> => {
    const code = join(folder, 'index.mjs');
    writeFileSync(code, 'export const handler = async () => process.pid;');
    execFileSync(PYTHON, ['-m', 'zipfile', '-c', join(folder, 'code.zip'), code]);
    const send = signedFetch(endpoint, env, 'lambda');
    const functions = '/2015-03-31/functions';
    const body = JSON.stringify({
      FunctionName: 'pid',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${ACCOUNT}:role/none`,
      Code: { ZipFile: readFileSync(join(folder, 'code.zip'), 'base64') },
    });
    expect((await send(functions, { method: 'POST', body })).status).toBe(201);
    const invoked = await send(`${functions}/pid/invocations`, { method: 'POST', body: '{}' });
    const pid = z.int().parse(await invoked.json());
    expect(isRunning(pid)).toBe(true);
    return pid;
  };

  const nothingLeft = async (endpoint: string, pid: number): Promise<void> => {
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 10_000 });
    await expect(fetch(endpoint)).rejects.toThrow();
    // The one who was killed ran by tsx, which keeps what it compiled.
    const left = () => readdirSync(temporary).filter((name) => !name.startsWith('tsx-'));
    await vi.waitFor(() => expect(left()).toEqual([]), { timeout: 10_000 });
  };

  it('starts empty, and leaves nothing behind once it is stopped', async () => {
    for (let round = 1; round <= 2; round += 1) {
      const aws = await startMiniStack();
      const client = new SQSClient({
        endpoint: aws.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      });
      const { QueueUrls = [] } = await client.send(new ListQueuesCommand());
      expect(QueueUrls).toEqual([]);
      await client.send(new CreateQueueCommand({ QueueName: 'orders' }));
      client.destroy();
      const pid = await runFunction(aws);
      expect(aws.log()).toContain('Lambda worker spawned');
      await aws.stop();
      await nothingLeft(aws.endpoint, pid);
    }
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`ends with the process that started it, ended by ${signal}`, async () => {
      const owner = spawn(process.execPath, ['--import', 'tsx', OWNER], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = await once(owner.stdout, 'data');
      const aws = owned.parse(JSON.parse(String(line)));
      const pid = await runFunction(aws);
      owner.kill(signal);
      await once(owner, 'exit');
      await nothingLeft(aws.endpoint, pid);
    });
  }
});

const owned = z.object({ endpoint: z.string(), env: z.record(z.string(), z.string()) });

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
