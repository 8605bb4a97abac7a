import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** What `npm start` starts: the server with every chain that is listed. */
export const SERVER = join(ROOT, 'dist/local.js');
/** What tests start: the same server with the shipped chains, whatever is listed. */
export const TEST_SERVER = join(ROOT, 'dist/test/local.js');

const build = (...flags: readonly string[]): void => {
  execFileSync('npm', ['run', '--silent', 'build', '--', ...flags], { cwd: ROOT, stdio: 'inherit' });
};

/** The server with other chains. @param chains the file that lists them, from the root */
export const buildServer = (chains: string, outfile: string): void =>
  build(`--alias:#chains=./${chains}`, `--outfile=${outfile}`);

export const buildTestServer = (): void => buildServer('test/support/shipped-chains.ts', TEST_SERVER);

/** Before all tests: the servers are built once, so that tests can start them. */
export const setup = (): void => {
  build();
  buildTestServer();
};
