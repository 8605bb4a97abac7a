import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { workflowAnswer } from '../../lib/contract/wire.ts';
import { HELP, type Options } from '../../lib/local/options.ts';
import { type LocalProcess, startLocal } from '../../lib/local/process.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import { targetsCalledBy } from '../../lib/local/targets.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { closers } from '../support/closers.ts';
import { chains } from '../support/shipped-chains.ts';
import {
  completed,
  effects,
  onceEach,
  order,
  PATIENCE_MS,
  QUIET,
  run,
  server,
  setFault,
  show,
} from './process-support.ts';
import { temporaryDirectory } from './store/support.ts';

describe('the server', { timeout: 4 * PATIENCE_MS }, () => {
  it('loads nothing of AWS', async () => {
    const { metafile } = await build({
      entryPoints: [join(import.meta.dirname, '../../bin/local.ts')],
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      packages: 'external',
      metafile: true,
      write: false,
    });
    // A chain may load what it likes.
    const ours = Object.entries(metafile.inputs).filter(([path]) => !path.startsWith('functions/chains/'));
    const outside = ours.flatMap(([, { imports }]) => imports.map(({ path }) => path));
    expect(outside).toContain('classic-level');
    expect(outside.filter((path) => path.includes('aws'))).toEqual([]);
    const inside = ours.filter(([path]) => /aws|dynamodb|sqs|sns|lambda/.test(path));
    expect(inside).toEqual([]);
  });

  it('shows its help and ends well', async () => {
    const { ended, stdout, stderr } = run(['--help']);
    expect([await ended, stdout(), stderr()]).toEqual([0, `${HELP}\n`, '']);
  });

  it.each([
    ['an unknown option', ['--prot', '1'], /^stepline: Unknown option '--prot'.*See --help\n$/],
    [
      'options that exclude each other',
      ['--memory', '--data', 'x'],
      /^stepline: --memory and --data exclude/,
    ],
    [
      'targets that are not there',
      ['--memory', '--targets', 'no-such-file.json'],
      /^stepline: --targets names no-such-file.json, which cannot be read\n$/,
    ],
  ])('refuses %s with one line and exit code 2', async (_, args, message) => {
    const { ended, stdout, stderr } = run(['--port', '0', ...args]);
    expect(await ended).toBe(2);
    expect(stderr()).toMatch(message);
    expect(stdout()).toBe('');
  });

  it('says that a port is taken, and by which option another is chosen', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    closers.push(() => other.close());
    const port = String(portOf(other));
    const { ended, stderr } = run(['--port', port, '--memory']);
    expect(await ended).toBe(2);
    expect(stderr()).toBe(`stepline: port ${port} is taken; choose another with --port\n`);
  });

  it('says that its directory belongs to another process, and by which option another is chosen', async () => {
    const directory = await temporaryDirectory();
    await server(['--data', directory]);
    const { ended, stderr } = run(['--port', '0', '--data', directory]);
    expect(await ended).toBe(2);
    expect(stderr()).toBe(
      `stepline: the data directory ${directory} is in use: stop the other process, or pass another directory with --data\n`,
    );
  });

  it('runs the sample order, shows each step and the whole at its end, and then how to try it', async () => {
    const { prints, child, ended, stdout } = run(['--port', '0', '--memory', '--log-level', 'silent']);
    await prints(/^}$/m);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    const text = stdout();
    expect(text).toMatch(/^Stepline listens on http:\/\/127\.0\.0\.1:\d+ \(workflows in memory only\)$/m);
    expect(text).toContain('  POST /api/process-order\n');
    expect(text).toMatch(/^ {2}curl -s http:\S+\/api\/process-order -H/m);
    const steps = ['payment', 'shipment', 'confirmation'].map((step) =>
      text.indexOf(`  ${step}: completed\n`),
    );
    expect(Math.min(...steps)).toBeGreaterThan(text.indexOf('sample order wf_'));
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    const [json = ''] = /^\{\n[\s\S]*^\}$/m.exec(text) ?? [];
    expect(workflowAnswer.parse(JSON.parse(json))).toMatchObject({
      chain: 'order-processing',
      status: 'completed',
      orderId: expect.stringMatching(/^ord_/),
      trackingId: expect.stringMatching(/^trk_/),
    });
  });

  it('told to end lets a running call end, saves it, and finishes the rest at its next start', async () => {
    const directory = await temporaryDirectory();
    const first = await server(['--data', directory]);
    await setFault(first.admin, 'payments', { latencyMs: 1_000 });
    const id = await order(first.url);
    await first.prints('"attempt_started"');
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(first.stdout()).toContain(
      'SIGTERM: waiting for running calls to end (a second SIGTERM stops at once)',
    );
    expect(first.stdout()).toContain('"step_completed"');
    expect(first.stdout()).not.toContain('shipment:do');
    expect(first.stderr()).toBe('');

    const second = await server(['--data', directory]);
    expect(second.stdout()).toContain('1 unfinished workflow(s) of an earlier run go on');
    const { timeline } = await completed(second.url, id);
    expect(timeline?.map(({ step, outcome }) => [step, outcome])).toEqual([
      ['payment', 'completed'],
      ['shipment', 'completed'],
      ['confirmation', 'completed'],
    ]);
    // The ledger of the demo targets is kept too: the effect of before the restart is in it.
    expect((await effects(second.admin)).sort()).toEqual(onceEach(id).sort());
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it('told to end a second time does not wait', async () => {
    const { url, admin, prints, child, ended } = await server(['--memory']);
    await setFault(admin, 'payments', { hang: true });
    await order(url);
    await prints('"attempt_started"');
    child.kill('SIGTERM');
    await prints('waiting for running calls');
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
  });

  it('calls the targets of a file, with secrets from the environment, and sends them no sample', async () => {
    const seen: unknown[] = [];
    const target = createServer((request, response) => {
      seen.push([request.url, request.headers.authorization]);
      response.end(JSON.stringify({ orderId: 'o-1', receiptUrl: 'https://receipts.example/1' }));
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    closers.push(() => {
      target.closeAllConnections();
      target.close();
    });
    const file = join(await temporaryDirectory(), 'targets.json');
    const payments = {
      baseUrl: `http://127.0.0.1:${portOf(target)}`,
      headers: { authorization: 'env:PAY_KEY' },
    };
    await writeFile(file, JSON.stringify({ payments }));
    const { prints, stdout } = run(
      ['--port', '0', '--memory', '--targets', file, '--demo', OTHERS.join(',')],
      {
        env: { PAY_KEY: 'Bearer s3cret' },
      },
    );
    const url = await prints(/listens on (\S+)/);
    await prints('Try it:');
    const id = await order(url);
    await vi.waitFor(async () => expect((await show(url, id)).steps.payment).toBe('completed'), PATIENCE_MS);
    expect(seen).toEqual([['/charges', 'Bearer s3cret']]);
    expect(stdout()).toContain('Demo targets (shipping, mail, identity, accounts, …)');
    expect(stdout()).not.toContain('sample order');
    expect(stdout()).not.toContain('s3cret');
  });
});

/** Targets of the shipped chains besides that of the payments. */
const OTHERS = targetsCalledBy(chains).filter((name) => name !== 'payments');
/** The server within this process. */
async function local(changes: Partial<Options> = {}): Promise<LocalProcess> {
  const started = await startLocal(
    chains,
    { ...QUIET, ...changes },
    { readable: false, say: () => undefined },
  );
  closers.push(() => started.stop());
  return started;
}

describe('a start that fails', () => {
  const file = async (text: string): Promise<string> => {
    const path = join(await temporaryDirectory(), 'targets.json');
    await writeFile(path, text);
    return path;
  };

  it.each<[string, string, string | RegExp]>([
    ['is not JSON', '{', /^--targets: .*targets\.json is not JSON: /],
    ['has a field that is wrong', '{"payments":{"baseUrl":"ftp://x"}}', /"payments.baseUrl" is wrong/],
    [
      'refers to a variable that is not set',
      '{"payments":{"baseUrl":"http://x","headers":{"authorization":"env:STEPLINE_NO_SUCH_KEY"}}}',
      /"authorization" from the environment variable "STEPLINE_NO_SUCH_KEY", which is not set/,
    ],
    [
      'has a secret of AWS',
      '{"payments":{"baseUrl":"http://x","secret":{"store":"ssm","name":"pay","header":"authorization"}}}',
      '"payments" has "secret" in the store "ssm", and such secrets are read on AWS only: here write "store": "env"',
    ],
  ])('says what is wrong with a file of targets that %s', async (_, text, message) => {
    await expect(local({ targets: await file(text), demo: OTHERS })).rejects.toThrow(message);
  });

  it('leaves nothing behind: port and directory are free again', async () => {
    const data = await temporaryDirectory();
    const { baseUrl, stop } = await local();
    const port = Number(new URL(baseUrl).port);
    await stop();
    await expect(local({ port, data, targets: await file('{') })).rejects.toThrow('is not JSON');
    expect((await local({ port, data })).baseUrl).toBe(baseUrl);
  });

  it('says that a port is taken without touching the directory', async () => {
    const { baseUrl } = await local();
    const options = { port: Number(new URL(baseUrl).port), data: join(await temporaryDirectory(), 'data') };
    await expect(local(options)).rejects.toMatchObject({ name: 'OptionError' });
    expect(await local({ ...options, port: 0 })).toMatchObject({
      engine: { recovered: { goOn: 0, wait: [] } },
    });
  });
});

describe('the ports', () => {
  it('of the demo targets come after the own one', async () => {
    // Somebody else may have one of the two: then others are tried.
    await vi.waitFor(async () => {
      const port = randomInt(20_000, 30_000);
      const { demo } = await local({ port });
      expect(demo?.admin.port).toBe(port + 1);
    }, PATIENCE_MS);
  });
});

describe('stopping', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  async function connect(baseUrl: string, text = ''): Promise<net.Socket> {
    const socket = net.connect(Number(new URL(baseUrl).port), '127.0.0.1');
    socket.on('error', () => undefined);
    closers.push(() => socket.destroy());
    await once(socket, 'connect');
    if (text !== '') await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    return socket;
  }

  it('does not wait for a connection on which nothing was ever asked, as browsers open them', async () => {
    const { baseUrl, stop } = await local();
    const silent = await connect(baseUrl);
    const halfway = await connect(baseUrl, 'GET /api/work');
    await stop();
    for (const socket of [silent, halfway]) if (!socket.closed) await once(socket, 'close');
  });

  it('waits only so long for a client that stops in the middle of its request', async () => {
    const { baseUrl, stop } = await local();
    const head = `POST /api/process-order HTTP/1.1\r\nhost: ${new URL(baseUrl).host}\r\ncontent-length: 10\r\n\r\n{`;
    const slow = await connect(baseUrl, head);
    // An answer to a later request: by then the server has seen the earlier one.
    await (await fetch(`${baseUrl}/api/workflows`)).text();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    let stopped = false;
    const stopping = stop().then(() => {
      stopped = true;
    });
    await vi.advanceTimersByTimeAsync(1_900);
    expect([stopped, slow.closed]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(200);
    await stopping;
  });

  it('answers a request that is under way', async () => {
    const { baseUrl, stop } = await local();
    const body = JSON.stringify(SAMPLE.body);
    const head = `POST ${SAMPLE.path} HTTP/1.1\r\nhost: ${new URL(baseUrl).host}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const socket = await connect(baseUrl, head);
    await (await fetch(`${baseUrl}/api/workflows`)).text();
    const stopping = stop();
    const answered = once(socket, 'data');
    socket.write(body);
    expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 202 /);
    await stopping;
  });

  it('takes no more requests', async () => {
    const { baseUrl, stop } = await local();
    await stop();
    await expect(fetch(`${baseUrl}/api/workflows`)).rejects.toThrow('fetch failed');
  });
});
