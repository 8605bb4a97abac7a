import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from '../../support/tools.ts';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const ENVIRONMENT = join(import.meta.dirname, '../../../.venv/ministack-1.5.33');

/** Written last, with a digest of what was installed: an installation that was interrupted or is older has another or none. */
const SEAL = join(ENVIRONMENT, 'installed.sha256');

/** The Python of MiniStack's own environment. */
export const PYTHON = join(ENVIRONMENT, 'bin/python');

/** Debian ships Python without ensurepip, and then venv makes no environment. */
const CHECK = 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))';

/** The reason why MiniStack cannot run here; undefined where it can. CI must be able to. */
export const whyNoMiniStack = (): string | undefined =>
  spawnSync('python3', ['-c', CHECK]).status === 0
    ? undefined
    : missing('python3 (3.10 or later, with venv)');

/** Makes the environment, unless it is there already. Errors: says what venv or pip printed. */
export function installMiniStack(): void {
  const digest = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  if (existsSync(SEAL) && readFileSync(SEAL, 'utf8') === digest) return;
  rmSync(ENVIRONMENT, { recursive: true, force: true });
  execFileSync('python3', ['-m', 'venv', ENVIRONMENT]);
  const pip = (...args: string[]) =>
    execFileSync(PYTHON, ['-m', 'pip', '--disable-pip-version-check', ...args]);
  // Wheels alone: nothing is compiled, and nothing that is installed runs while it is installed.
  pip('install', '--quiet', '--no-deps', '--only-binary', ':all:', '--requirement', REQUIREMENTS);
  pip('check');
  writeFileSync(SEAL, digest);
}
