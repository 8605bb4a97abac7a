import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../lib/adapters/http/client.ts';
import { closers } from '../../support/closers.ts';
import { gone, rawServer } from './raw-server.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

const setup = async (onRequest: Parameters<typeof rawServer>[0]) => {
  const server = await rawServer(onRequest);
  const http = createHttpClient();
  closers.push(
    () => server.close(),
    () => http.close(),
  );
  const call = (ms = 1_000) => http.call({ method: 'POST', url: server.url, headers: {}, body: '{}' }, ms);
  return { server, http, call };
};

describe('connections', () => {
  it('are reused: calls one after another share one', async () => {
    const { server, call } = await setup((socket) => socket.write(OK));
    for (let round = 0; round < 5; round += 1) expect(await call()).toMatchObject({ kind: 'reply' });
    expect(server.accepted).toHaveLength(1);
  });

  it('do not wait for each other: as many calls at a time as are made', async () => {
    const waiting: (() => void)[] = [];
    const { call } = await setup((socket) => {
      waiting.push(() => socket.write(OK));
      if (waiting.length === 100) for (const answer of waiting) answer();
    });
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => call(5_000)));
    expect(outcomes.every((outcome) => outcome.kind === 'reply')).toBe(true);
  });

  it('that are closed as they are reused break the call with its outcome unknown, and it is not repeated', async () => {
    const { server, call } = await setup((socket, count) => {
      if (count === 1) socket.write(OK);
      else socket.destroy();
    });
    await call();
    expect(await call()).toMatchObject({ code: 'CONNECTION_BROKEN', sent: 'unknown' });
    expect(server.received().match(/POST/g)).toHaveLength(2);
    expect(server.accepted).toHaveLength(1);
  });

  it('that fall silent as they are reused leave the outcome unknown', async () => {
    const { call } = await setup((socket, count) => {
      if (count === 1) socket.write(OK);
    });
    await call();
    expect(await call(100)).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'unknown' });
  });

  it('of a call that failed serve no other', async () => {
    const { server, call } = await setup((socket, count) => {
      // The first answer comes after its caller has gone: the second must not take it for its own.
      if (count === 1) setTimeout(() => socket.writable && socket.write(OK), 60);
      else socket.write('HTTP/1.1 201 Mine\r\ncontent-length: 0\r\n\r\n');
    });
    expect(await call(40)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await call()).toMatchObject({ kind: 'reply', status: 201 });
    expect(server.accepted).toHaveLength(2);
  });

  it('that break after the reply disturb nobody', async () => {
    const { server, call } = await setup((socket) => socket.write(OK));
    await call();
    server.accepted[0]?.resetAndDestroy();
    await new Promise((done) => setTimeout(done, 20));
    expect(await call()).toMatchObject({ kind: 'reply' });
    expect(server.accepted).toHaveLength(2);
  });

  it('end with close, and so does a call under way', async () => {
    const { server, http, call } = await setup((socket, count) => {
      if (count === 1) socket.write(OK);
      else http.close();
    });
    await call();
    expect(await call()).toMatchObject({ code: 'CONNECTION_BROKEN', sent: 'unknown' });
    await gone(server.accepted[0]);
  });

  it('that are idle keep no process alive, and neither does a deadline that was not needed', async () => {
    const { server } = await setup((socket) => socket.write(OK));
    const source = fileURLToPath(new URL('../../../lib/adapters/http/client.ts', import.meta.url));
    const program = `
      const { createHttpClient } = await import(${JSON.stringify(source)});
      const outcome = await createHttpClient().call(
        { method: 'POST', url: ${JSON.stringify(server.url)}, headers: {}, body: '{}' }, 60_000);
      const ended = performance.now();
      process.on('exit', () => console.log(outcome.kind, Math.round(performance.now() - ended)));`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    closers.push(() => child.kill());
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await once(child, 'close');
    const [kind, stayedMs] = printed.trim().split(' ');
    expect(kind).toBe('reply');
    // An idle socket is given up after 4 s: leaving earlier is leaving by itself.
    expect(Number(stayedMs)).toBeLessThan(1_000);
  });
});
