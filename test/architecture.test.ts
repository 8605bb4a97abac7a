import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

const ROOT = join(import.meta.dirname, '..');

/** What each folder may import: other folders of ours, and packages. The longest folder that fits a file is its own. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'lib/contract': ['zod'],
  'lib/chain': ['lib/contract', 'zod'],
  'lib/engine': ['lib/contract', 'lib/chain', 'zod'],
  'lib/adapters': ['lib/contract', 'lib/engine', 'zod', '@aws-sdk', '@aws-lambda-powertools'],
  'functions/chains': ['lib/chain', 'zod'],
  functions: [
    ...['lib/contract', 'lib/chain', 'lib/engine', 'lib/adapters', 'functions/chains'],
    ...['zod', '@aws-sdk', 'aws-lambda'],
    // The chains of the deployment: package.json says where they stand, and each bundle has its own.
    '#chains',
  ],
  'lib/cdk': ['lib/contract', 'lib/chain', 'zod', 'aws-cdk-lib', 'constructs', 'cdk-nag'],
  'lib/local': [
    ...['lib/contract', 'lib/chain', 'lib/engine', 'lib/adapters', 'functions'],
    ...['zod', 'aws-lambda', 'classic-level', 'memory-level'],
  ],
  'lib/ops': ['lib/contract', 'zod', '@aws-sdk'],
  // Chains to be deployed, and what is looked at once they are: both know the settings of the steps.
  'lib/probe': ['lib/contract', 'lib/chain', 'zod', '@aws-sdk', '@smithy'],
  bin: ['lib', 'functions', 'functions/chains', '#chains', 'aws-cdk-lib'],
};

const everything = ['lib', 'functions', 'bin'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name).split(sep).join('/')),
);
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g;

/** What a file imports: our own files by their path, packages by their name or scope. Node's own modules are left out. */
function importsOf(file: string): readonly string[] {
  return [...textOf(file).matchAll(IMPORT)].flatMap(([, specifier = '']) => {
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return [];
    if (!specifier.startsWith('.')) return [specifier.split('/')[0] ?? specifier];
    return [
      normalize(join(dirname(file), specifier))
        .split(sep)
        .join('/'),
    ];
  });
}

const folderOf = (path: string): string =>
  Object.keys(ARROWS)
    .filter((folder) => path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0] ?? path;

const EXAMPLES = importsOf('test/support/shipped-chains.ts');

/** Our sources. Chains that somebody added are theirs: they may be as long as they like, and import what they like. */
const files = everything.filter(
  (file) => !/^functions\/chains\/(?!index\.ts$)/.test(file) || EXAMPLES.includes(file),
);

/** All that a file imports, and all that those import. */
function closureOf(file: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const imported of importsOf(file)) {
    if (seen.has(imported)) continue;
    seen.add(imported);
    if (files.includes(imported)) closureOf(imported, seen);
  }
  return seen;
}

describe('the arrows between folders', () => {
  for (const [folder, allowed] of Object.entries(ARROWS)) {
    it(`${folder} imports only ${allowed.join(', ')}`, () => {
      const mine = files.filter((file) => folderOf(file) === folder);
      expect(mine).not.toEqual([]);
      for (const file of mine) {
        const wrong = importsOf(file).filter((imported) => {
          const from = folderOf(imported);
          return from !== folder && !allowed.some((one) => from === one || from.startsWith(`${one}/`));
        });
        expect(wrong, file).toEqual([]);
      }
    });
  }

  it('every file has a folder with arrows', () => {
    expect(files.filter((file) => folderOf(file) === file)).toEqual([]);
  });

  it('npm start loads no AWS SDK and nothing of Lambda', () => {
    const loaded = [...closureOf('bin/local.ts')].filter((imported) => imported.startsWith('@aws'));
    expect(loaded).toEqual([]);
    // Types alone, which are gone at run time.
    const importing = files.filter((file) => /^import \{.*'aws-lambda'/m.test(textOf(file)));
    expect(importing).toEqual([]);
  });

  it('the engine knows nothing of AWS', () => {
    const engine = files.filter((file) => folderOf(file) === 'lib/engine');
    expect(engine.filter((file) => [...closureOf(file)].some((name) => name.startsWith('@aws')))).toEqual([]);
  });
});

describe('the package', () => {
  const manifest = z
    .object({
      dependencies: z.record(z.string(), z.string()),
      devDependencies: z.record(z.string(), z.string()),
    })
    .parse(JSON.parse(textOf('package.json')));
  const pinned = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });

  it('pins every version exactly', () => {
    expect(pinned.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('ships no dependency that nothing imports', () => {
    const sources = everything.map(textOf).join('\n') + textOf('package.json').split('"dependencies"')[0];
    const unused = Object.keys(manifest.dependencies).filter(
      (name) => ![`'${name}'`, `'${name}/`, `${name} `].some((use) => sources.includes(use)),
    );
    expect(unused).toEqual([]);
  });
});

describe('every file', () => {
  it('is one idea: at most 350 lines', () => {
    const long = files.filter((file) => textOf(file).split('\n').length > 350);
    expect(long).toEqual([]);
  });
});
