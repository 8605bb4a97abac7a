import { execFileSync } from 'node:child_process';

/** Before all tests: what a user starts is built once, so that tests can start it too. */
export const setup = (): void => {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
};
