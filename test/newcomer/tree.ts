import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
/** Left out of a copy, so that no copy ever makes another. */
const HERE = 'test/newcomer/';

/** A copy of this tree as it stands, changes that are not committed included. */
export interface Tree {
  readonly root: string;
  /** Changes a file. Errors: throws where that changes nothing. */
  edit(path: string, change: (text: string) => string): Promise<void>;
  write(path: string, text: string): Promise<void>;
  /** Runs npm in it, as in a terminal or as in CI. */
  npm(args: readonly string[], place?: 'terminal' | 'ci'): Promise<Ended>;
  remove(): Promise<void>;
}

interface Ended {
  readonly code: number | string | null;
  readonly said: string;
}

/** Copies what git knows or would add; the packages are those of this tree. */
export async function copyOfTree(): Promise<Tree> {
  const root = await mkdtemp(join(tmpdir(), 'stepline-newcomer-'));
  const known = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await promisify(execFile)('git', known, { cwd: ROOT, maxBuffer: 2 ** 24 });
  for (const file of stdout.split('\0')) {
    if (file === '' || file.startsWith(HERE)) continue;
    // Git knows a file that was deleted until that is committed.
    if (await exists(join(ROOT, file))) await cp(join(ROOT, file), join(root, file));
  }
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const running = new AbortController();
  const write = (path: string, text: string) => writeFile(join(root, path), text);
  return {
    root,
    write,
    edit: async (path, change) => {
      const text = await readFile(join(root, path), 'utf8');
      const changed = change(text);
      if (changed === text) throw new Error(`nothing was changed in ${path}`);
      await write(path, changed);
    },
    npm: (args, place = 'terminal') => npm(root, args, place, running.signal),
    remove: async () => {
      running.abort();
      await rm(root, { recursive: true });
    },
  };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** On abort it ends with all that it started. */
function npm(root: string, args: readonly string[], place: 'terminal' | 'ci', stop: AbortSignal) {
  // Nothing of the runner that this test is in.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CI|NODE_ENV|VITEST|TEST$|npm_)/.test(name)),
  );
  const child = spawn('npm', args, {
    cwd: root,
    env: { ...env, NO_COLOR: '1', ...(place === 'ci' ? { CI: 'true' } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid);
  stop.addEventListener('abort', end);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  return new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      stop.removeEventListener('abort', end);
      resolve({ code: code ?? signal, said });
    });
  });
}
