import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** A caller as a web page has it, bundled for a browser. What is loaded only when it is needed is apart. */
async function bundled(): Promise<{ readonly text: string; readonly inputs: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['test/docs/client.ts'],
    ...{ bundle: true, write: false, metafile: true, splitting: true, minify: true },
    ...{ format: 'esm', platform: 'browser', outdir: 'out', entryNames: 'entry', logLevel: 'silent' },
    plugins: [refuseNode],
  });
  const entry = Object.keys(metafile.outputs).find((path) => path.endsWith('/entry.js')) ?? '';
  const loaded = new Set<string>();
  const walk = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind } of metafile.outputs[path]?.imports ?? [])
      if (kind !== 'dynamic-import') walk(next);
  };
  walk(entry);
  const texts = outputFiles.filter(({ path }) => [...loaded].some((one) => path.endsWith(one)));
  return {
    text: texts.map(({ text }) => text).join('\n'),
    inputs: [...loaded].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {})),
  };
}

/** A browser has no modules of Node. */
const refuseNode: Plugin = {
  name: 'refuse-node',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^node:/ }, ({ path, importer }) => ({
      errors: [{ text: `${importer} imports ${path}` }],
    }));
  },
};

let bundle: Awaited<ReturnType<typeof bundled>>;
beforeAll(async () => {
  bundle = await bundled();
}, 60_000);

describe('the bundle of a caller', () => {
  it('is of the client and of words and bounds alone', () => {
    const others = bundle.inputs.filter((path) => !path.startsWith('lib/client/'));
    expect(others.sort()).toEqual(['lib/contract/limits.ts', 'lib/contract/names.ts', 'test/docs/client.ts']);
  });

  it('has nothing of the chain, of zod, or of the signer', () => {
    for (const text of ['/charges', '/shipments', 'receiptUrl', 'strictObject', 'AWS4-HMAC-SHA256']) {
      expect(bundle.text).not.toContain(text);
    }
    expect(bundle.text).toContain('order-processing');
  });

  it('is small', () => {
    expect(bundle.text.length).toBeLessThan(16_000);
  });
});
