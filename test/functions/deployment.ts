import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import * as z from 'zod';

/** Entry points as a deployment bundles them. */
export const FUNCTIONS = [
  'start',
  'get',
  'list',
  'cancel',
  'resume',
  'step',
  'step-failed',
  'reconciler',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** The chains of a deployment here: the shipped ones, whatever else is listed. */
export const CHAINS = 'test/support/shipped-chains.ts';

const bundling: BuildOptions = {
  entryPoints: FUNCTIONS.map((name) => `functions/${name}.ts`),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  alias: {
    '#chains': join(import.meta.dirname, '../..', CHAINS),
    // None of their targets signs its requests.
    '#auth': join(import.meta.dirname, '../../lib/adapters/targets/auth/none.ts'),
    '#proxy': join(import.meta.dirname, '../../lib/adapters/http/no-proxy.ts'),
  },
  logLevel: 'silent',
};

/** Bundles every function into `directory`, each as `<name>.mjs`. */
export async function bundleTo(directory: string): Promise<void> {
  await build({ ...bundling, minify: true, outdir: directory });
  await writeFile(join(directory, 'empty.mjs'), 'export const handler = async () => undefined;\n');
}

/** Source files that a function's bundle holds code of. */
export async function bundledSources(): Promise<(name: FunctionName) => readonly string[]> {
  const { metafile } = await build({ ...bundling, outdir: 'unwritten', write: false, metafile: true });
  return (name) => sourcesOf(metafile, name);
}

function sourcesOf({ outputs }: Metafile, name: FunctionName): readonly string[] {
  const output = Object.values(outputs).find(({ entryPoint }) => entryPoint === `functions/${name}.ts`);
  if (output === undefined) throw new Error(`no bundle of ${name}`);
  return Object.entries(output.inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => path);
}

/** One function in a process of its own, as Lambda keeps it warm between invocations. */
export interface DeployedFunction {
  /** One at a time. Errors: rejects with what the handler threw. */
  invoke(event: unknown): Promise<unknown>;
  /** Everything that the function wrote so far; nothing is missing once it is closed. */
  output(): string;
  /** Processor time of each invocation so far, in milliseconds. */
  cpuMs(): readonly number[];
  close(): Promise<void>;
}

const told = z.union([
  z.strictObject({ result: z.unknown(), cpuMs: z.number().optional() }),
  z.strictObject({
    error: z.object({ name: z.string(), code: z.string().optional(), message: z.string() }),
  }),
]);

/** What `bundleTo` writes: the functions, and beside them the least that a function can be. */
export type Deployable = FunctionName | 'empty';

/**
 * Starts a function of `bundleTo`; resolves once its module is loaded.
 * @param env its whole environment: nothing of this process's reaches it
 * Errors: rejects with what its module threw when it was loaded.
 */
export async function deploy(
  directory: string,
  name: Deployable,
  env: Readonly<Record<string, string>>,
): Promise<DeployedFunction> {
  const runtime = join(import.meta.dirname, 'runtime.mjs');
  const bundle = pathToFileURL(join(directory, `${name}.mjs`)).href;
  const child = spawn(process.execPath, ['--no-warnings', runtime, bundle], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await answerOf(child);
  const cpuMs: number[] = [];
  return {
    invoke: async (event) => {
      child.send({ event, remainingMs: 45_000 });
      const answer = await answerOf(child);
      cpuMs.push(answer.cpuMs ?? 0);
      return answer.result;
    },
    output: () => output,
    cpuMs: () => cpuMs,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // Once it is closed, unlike once it has ended, all that it wrote has been read.
      const gone = once(child, 'close');
      child.kill();
      await gone;
    },
  };
}

/** The next thing that the process tells. */
async function answerOf(
  child: ChildProcess,
): Promise<{ readonly result?: unknown; readonly cpuMs?: number | undefined }> {
  // Ends the listening for what did not come: over many invocations it would pile up.
  const done = new AbortController();
  const { signal } = done;
  const [message] = await Promise.race([
    once(child, 'message', { signal }),
    once(child, 'exit', { signal }).then(([code]) => [
      { error: { name: 'Exit', message: `ended with ${code}` } },
    ]),
  ]).finally(() => done.abort());
  const answer = told.parse(message);
  if ('error' in answer) throw Object.assign(new Error(answer.error.message), answer.error);
  return answer;
}
