import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { flood, gone } from '../adapters/http/raw-server.ts';
import { GRACE_MS, HEAD, ORDER, serverFor, whole } from './attempt.ts';

const CHILD = join(import.meta.dirname, 'client-child.ts');
const MIB = 2 ** 20;

const report = z.object({ grownMiB: z.number(), beyondMs: z.number(), states: z.array(z.string()) });

/** A friendly server, then so many calls at a time of each of the others, by a client in a process of its own. */
async function called(times: number, ...behaviours: readonly ((socket: net.Socket) => void)[]) {
  const friendly = await serverFor((socket) => socket.write(whole(ORDER)));
  const hostile = await Promise.all(
    behaviours.map((behave) => serverFor((socket, count) => (count > times ? undefined : behave(socket)))),
  );
  const urls = hostile.flatMap(({ base }) => Array.from({ length: times }, () => base));
  const calls = JSON.stringify([friendly.base, ...urls]);
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, calls], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await once(child, 'close');
  const connections = hostile.flatMap(({ accepted }) => accepted);
  await Promise.all(connections.map(gone));
  const { grownMiB, beyondMs, states } = report.parse(JSON.parse(printed));
  expect(beyondMs, 'milliseconds beyond the deadline').toBeLessThanOrEqual(GRACE_MS);
  const sentMiB = connections.reduce((bytes, { bytesWritten }) => bytes + bytesWritten, 0) / MIB;
  return { grownMiB, states, sentMiB };
}

const all = (times: number, state: string): string[] => Array.from({ length: times }, () => state);

/** What the process may grow by, in MiB: each of its calls may keep one of them, and what it reads is garbage for a while. */
const MOST_MIB = 96;

describe('a client', () => {
  const piece = Buffer.alloc(64 * 1_024, 'x');
  const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
  const endless = (first: string, then: string | Buffer) => (socket: net.Socket) => {
    socket.write(first);
    flood(socket, then);
  };

  it('holds little of replies of a gigabyte, and leaves the most of them unread', async () => {
    const { grownMiB, states, sentMiB } = await called(
      5,
      endless(`${HEAD}content-length: ${2 ** 30}\r\n\r\n`, piece),
      endless(`${HEAD}\r\n`, piece),
      endless(`${CHUNKED}${(2 ** 30).toString(16)}\r\n`, piece),
    );
    expect(states).toEqual(all(15, 'failed REPLY_TOO_LARGE unknown'));
    expect(grownMiB).toBeLessThan(MOST_MIB);
    // What the kernel's buffers took besides.
    expect(sentMiB).toBeLessThan(15 * 32);
  });

  it('holds a reply in chunks of one byte as the bytes that they are', async () => {
    const chunks = '1\r\nx\r\n'.repeat(400_000);
    const { grownMiB, states } = await called(1, (socket) => socket.write(`${CHUNKED}${chunks}0\r\n\r\n`));
    expect(states).toEqual(['failed REPLY_INVALID unknown']);
    expect(grownMiB).toBeLessThan(MOST_MIB);
  });

  it('holds little of headers, status lines and informational answers that never end', async () => {
    const { grownMiB, states } = await called(
      5,
      endless(HEAD, `x-a: ${'b'.repeat(1_000)}\r\n`.repeat(60)),
      endless(`${HEAD}x-a: `, 'b'.repeat(60_000)),
      endless('HTTP/1.1 200 O', 'K'.repeat(60_000)),
      endless('', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(1_000)),
    );
    expect(states).toEqual(all(20, 'retrying CONNECTION_BROKEN unknown'));
    expect(grownMiB).toBeLessThan(MOST_MIB);
  });

  const zeros = Buffer.alloc(256 * MIB);
  const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  it.each([
    ['gzip, in many members', 'gzip', Buffer.concat(Array(4).fill(gzipSync(zeros)))],
    ['deflate', 'deflate', deflateSync(zeros)],
    ['deflate without its frame', 'deflate', deflateRawSync(zeros)],
    ['br', 'br', brotliCompressSync(zeros, quick)],
    ['br within gzip', 'br, gzip', gzipSync(brotliCompressSync(zeros, quick))],
  ])('holds little of what comes compressed, and grows a thousandfold: %s', async (_, coding, bomb) => {
    const { grownMiB, states } = await called(5, (socket) => {
      socket.write(`${HEAD}content-encoding: ${coding}\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      socket.write(bomb);
    });
    expect(states).toEqual(all(5, 'failed REPLY_TOO_LARGE unknown'));
    expect(grownMiB).toBeLessThan(MOST_MIB);
  });
});
