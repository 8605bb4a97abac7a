import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chains } from '../../functions/chains/index.ts';
import { registry } from '../../lib/chain/registry.ts';
import { openApi } from '../../lib/openapi/document.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stepline-openapi-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as `npm run openapi` runs it. */
const run = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', 'bin/openapi.ts', ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });

const TEXT = `${JSON.stringify(openApi(registry(chains)), null, 2)}\n`;

it('npm run openapi prints the document of the listed chains', async () => {
  expect(await run()).toEqual({ code: 0, stdout: TEXT, stderr: '' });
});

it('npm run openapi -- --out writes it to a file', async () => {
  const file = join(directory, 'openapi.json');
  expect(await run('--out', file)).toEqual({ code: 0, stdout: `${file} describes the API.\n`, stderr: '' });
  expect(await readFile(file, 'utf8')).toBe(TEXT);
});

it('npm run openapi refuses a file that cannot be written, and options that it does not know', async () => {
  const nowhere = await run('--out', join(directory, 'missing', 'openapi.json'));
  expect(nowhere).toMatchObject({ code: 2, stdout: '' });
  expect(nowhere.stderr).toMatch(/^stepline: ENOENT.*Name a file that can be written\.\n$/);
  const misspelt = await run('--file', 'openapi.json');
  expect(misspelt).toMatchObject({ code: 2, stdout: '' });
  expect(misspelt.stderr).toMatch(/^stepline: Unknown option '--file'.*Write: npm run --silent openapi/s);
});
