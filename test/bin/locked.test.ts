import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusalOfLock } from '../../bin/locked.ts';
import { compareWithLock } from '../../lib/chain/lock/compare.ts';
import { LOCK_FILE, lockOf, lockToText, NO_LOCK } from '../../lib/chain/lock/lock.ts';
import { TEST_SERVER } from '../support/build.ts';
import { chains } from '../support/shipped-chains.ts';

const LOCKED = lockToText(lockOf(chains));
/** What order-processing was before its step "parcel" became "shipment". */
const CHANGED = LOCKED.replaceAll('"shipment"', '"parcel"');

let folder: string;
const servers: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepline-lock-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** Starts the one process in the folder; resolves once it listens or has ended, with all that it said. */
async function start(
  ...words: readonly string[]
): Promise<{ readonly said: string; readonly code: number | null }> {
  const server = spawn(process.execPath, [TEST_SERVER, '--memory', '--no-sample', '--port', '0', ...words], {
    cwd: folder,
  });
  servers.push(server);
  let said = '';
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  server.stderr.on('data', hear);
  server.stdout.on('data', hear);
  const listening = new Promise((resolve) => {
    server.stdout.on('data', () => said.includes('Try it') && resolve(undefined));
  });
  await Promise.race([listening, once(server, 'close')]);
  return { said, code: server.exitCode };
}

describe('the one process', () => {
  it('does not start with other steps than the lock holds, and says what to write', async () => {
    await writeFile(join(folder, LOCK_FILE), CHANGED);
    const { said, code } = await start();
    expect(code).toBe(2);
    expect(said).toContain(
      'stepline: Chain "order-processing": version 1 has other steps than chains.lock.json holds',
    );
    expect(said).toContain('  step "parcel" is gone\n  step "shipment" is new\n');
    expect(said).toContain('Write version: 2 in the changed chain');
    expect(said).not.toContain('    at ');
  });

  it('says so and starts all the same with --dev', async () => {
    await writeFile(join(folder, LOCK_FILE), CHANGED);
    const { said, code } = await start('--dev');
    expect(code).toBeNull();
    expect(said).toContain('note: Chain "order-processing": version 1 has other steps');
  });

  it('starts with another schema than the lock holds, and says so', async () => {
    await writeFile(join(folder, LOCK_FILE), LOCKED.replace('"minLength": 1', '"minLength": 9'));
    const { said, code } = await start();
    expect(code).toBeNull();
    expect(said).toMatch(/^note: .* version 1: the input has another schema .*minLength: 1, was 9/m);
  });

  it('does not start with a lock that cannot be read', async () => {
    await writeFile(join(folder, LOCK_FILE), '<<<<<<< HEAD');
    const { said, code } = await start();
    expect(code).toBe(2);
    expect(said).toMatch(
      /^stepline: chains\.lock\.json cannot be read: it is not JSON\. Take it from version control/m,
    );
  });

  it('starts without a lock, and says nothing of it', async () => {
    const { said, code } = await start();
    expect(code).toBeNull();
    expect(said).not.toContain('note:');
  });
});

describe('a deployment', () => {
  const refusal = (lock: string | undefined): string | undefined =>
    refusalOfLock(compareWithLock(lock === undefined ? NO_LOCK : JSON.parse(lock), chains));

  it('demands an entry of everything that it makes', () => {
    expect(refusal(LOCKED)).toBeUndefined();
    expect(refusal(undefined)).toMatch(
      /^chains\.lock\.json does not hold order-processing version 1, .*Run npm run lock, and commit the file/,
    );
  });

  it('is refused where the steps are others', () => {
    expect(refusal(CHANGED)).toContain('step "parcel" is gone');
  });
});
