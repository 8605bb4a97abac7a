import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { missing } from '../../support/tools.ts';
import { type GoTool, VERSIONS } from './versions.ts';

const run = promisify(execFile);

/** Everything that is installed, each thing in a folder with its version, or a digest of it, in the name. */
const PLACE = join(import.meta.dirname, '../../../.venv/servers');
const placeOf = (what: string): string => join(PLACE, what.replace(/[^\w.-]+/g, '-'));

const PYTHON_GO = placeOf(VERSIONS.goBin);
const LOCK = join(import.meta.dirname, 'prism.package-lock.json');
const PRISM_DIGEST = createHash('sha256').update(JSON.stringify(VERSIONS.npm)).update(readFileSync(LOCK));
const PRISM = placeOf(`prism-${PRISM_DIGEST.digest('hex').slice(0, 12)}`);

/** The programs that the tests start. */
export const goTool = (name: GoTool): string => join(placeOf(VERSIONS.go[name]), name);
export const NGINX = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
export const PRISM_CLI = join(PRISM, 'node_modules/@stoplight/prism-cli/dist/index.js');
/** Descriptions of public APIs. */
export const DESCRIPTIONS = join(PRISM, 'node_modules/@readme/oas-examples');

/** What a suite needs that only the machine can bring. */
export type Toolchain = 'go' | 'nginx' | 'npm';

/** The reason why the tests that need it are skipped; undefined where they run. CI must be able to run all. */
export function whyNot(toolchain: Toolchain): string | undefined {
  if (toolchain === 'npm') return undefined;
  if (toolchain === 'nginx') return spawnSync(NGINX, ['-v']).error && missing('nginx');
  if (isGoHere() || isPythonHere()) return undefined;
  return missing(`Go 1.${VERSIONS.goLeast} or newer (or python3 with venv, which brings it)`);
}

const isGoHere = (): boolean => {
  const { stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  return Number(/go1\.(\d+)/.exec(stdout ?? '')?.[1]) >= VERSIONS.goLeast;
};

/** Debian ships Python without ensurepip, and then venv makes no environment. */
const isPythonHere = (): boolean => spawnSync('python3', ['-c', 'import ensurepip, venv']).status === 0;

/** Installs what is not there yet; all at the same time. Errors: says what the installer printed. */
export async function install(): Promise<void> {
  const servers = async (): Promise<void> => {
    if (whyNot('go') !== undefined) return;
    const go = await findGo();
    await Promise.all(Object.entries(VERSIONS.go).map(([name, module]) => build(go, name, module)));
  };
  await Promise.all([servers(), installPrism()]);
}

async function findGo(): Promise<string> {
  if (isGoHere()) return 'go';
  await complete(PYTHON_GO, async (folder) => {
    await run('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '--no-deps'];
    await run(join(folder, 'bin/python'), [...pip, '--only-binary', ':all:', VERSIONS.goBin]);
  });
  const python = join(PYTHON_GO, 'bin/python');
  // Its own command is a link into where it was installed first.
  const { stdout } = await run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  return join(stdout.trim(), 'go/bin/go');
}

/** Go compares every module with the public log of their sums. */
const build = (go: string, name: string, module: string): Promise<void> =>
  complete(placeOf(module), async (folder) => {
    await run(go, ['install', module], { env: { ...process.env, GOBIN: folder } });
    if (!existsSync(join(folder, name))) throw new Error(`${module} is not called ${name}`);
  });

const installPrism = (): Promise<void> =>
  complete(PRISM, async (folder) => {
    mkdirSync(folder);
    const manifest = { private: true, dependencies: VERSIONS.npm };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    copyFileSync(LOCK, join(folder, 'package-lock.json'));
    // Refused where the versions are not those of the lock. No script of a package runs.
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  });

/** Makes a folder whole or not at all: what was interrupted is begun again. */
async function complete(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const half = `${folder}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(PLACE, { recursive: true });
  await make(half);
  renameSync(half, folder);
}
