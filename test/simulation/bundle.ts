import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** A change of one place in the source, by which the protocol is made wrong. */
export interface Mutation {
  /** From the root of the project. */
  readonly file: string;
  /** The text to be replaced; it must be there exactly once. */
  readonly replace: string;
  readonly by: string;
}

const ROOT = join(import.meta.dirname, '../..');

/**
 * Bundles the simulator with the engine inside: a bundle runs twice as fast as sources that are compiled one by one.
 * Errors: throws when the text that a mutation replaces is not there exactly once.
 * @param name of the file in `dist/simulation`
 * @param entry the file whose threads it is, in this folder
 * @returns the path of the bundle
 */
export async function bundleSimulator(
  name: string,
  mutations: readonly Mutation[] = [],
  entry = 'thread.ts',
): Promise<string> {
  const outfile = join(ROOT, 'dist/simulation', `${name}.mjs`);
  const mutated = new Set<string>();
  await build({
    entryPoints: [join(import.meta.dirname, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    logLevel: 'error',
    plugins: [
      {
        name: 'mutations',
        setup: ({ onLoad }) => {
          for (const file of new Set(mutations.map((mutation) => mutation.file))) {
            const path = join(ROOT, file);
            onLoad({ filter: /\.ts$/ }, async (loaded) => {
              if (loaded.path !== path) return undefined;
              mutated.add(file);
              const source = await readFile(path, 'utf8');
              const changes = mutations.filter((mutation) => mutation.file === file);
              return { contents: changes.reduce(applied, source), loader: 'ts' };
            });
          }
        },
      },
    ],
  });
  const unused = mutations.filter(({ file }) => !mutated.has(file)).map(({ file }) => file);
  if (unused.length > 0) throw new Error(`the simulator does not use ${unused.join(', ')}`);
  return outfile;
}

function applied(source: string, { file, replace, by }: Mutation): string {
  const [before, after, ...more] = source.split(replace);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} holds ${more.length === 0 ? 'no' : 'more than one'} such text:\n${replace}`);
  }
  return before + by + after;
}
