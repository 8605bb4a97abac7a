import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { circlesIn, specifiersOf } from './support/imports.ts';
import { arrowsOf, reachedFrom } from './support/picture.ts';
import { DEEP, REPLACING } from './vitest.config.ts';

const ROOT = join(import.meta.dirname, '..');

const ADAPTERS = [
  ...['lib/adapters', 'lib/adapters/dynamodb', 'lib/adapters/sqs', 'lib/adapters/http'],
  ...['lib/adapters/targets', 'lib/adapters/lambda'],
];

/**
 * What each folder imports: other folders of ours, a single file of one, and packages. A folder within a folder is a room of its
 * own, and is meant only where it is named.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'lib/contract': ['zod'],
  'lib/chain': ['lib/contract', 'lib/chain/request', 'lib/chain/step', 'zod'],
  'lib/chain/step': ['lib/contract', 'lib/chain', 'lib/chain/request', 'zod'],
  'lib/chain/request': ['lib/contract', 'lib/chain'],
  'lib/chain/lock': ['lib/chain', 'zod'],
  'lib/engine': [
    ...['lib/contract', 'lib/chain'],
    ...[
      'lib/engine/asked',
      'lib/engine/calling',
      'lib/engine/json',
      'lib/engine/lateness',
      'lib/engine/lookup',
      'lib/engine/request',
      'lib/engine/sensitive',
      'lib/engine/telling',
      'lib/engine/undo',
    ],
    'zod',
  ],
  'lib/engine/operations': [
    ...['lib/contract', 'lib/chain', 'lib/engine', 'lib/engine/lateness', 'lib/engine/sensitive'],
    ...['lib/engine/lookup', 'lib/engine/request', 'lib/engine/undo'],
  ],
  'lib/engine/asked': ['lib/contract'],
  'lib/engine/calling': [
    ...['lib/contract', 'lib/chain', 'lib/chain/request', 'lib/engine'],
    ...['lib/engine/reply', 'lib/engine/request', 'lib/engine/sensitive'],
  ],
  'lib/engine/json': [],
  'lib/engine/lateness': ['lib/contract', 'lib/chain', 'lib/engine', 'lib/engine/lookup'],
  'lib/engine/lookup': [
    ...['lib/contract', 'lib/chain', 'lib/chain/request', 'lib/engine', 'lib/engine/calling'],
    ...['lib/engine/reply', 'lib/engine/request', 'lib/engine/sensitive', 'lib/engine/undo'],
  ],
  'lib/engine/reply': [
    ...['lib/contract', 'lib/chain', 'lib/chain/request'],
    ...['lib/engine', 'lib/engine/json', 'lib/engine/sensitive'],
  ],
  'lib/engine/request': [
    'lib/contract',
    'lib/chain',
    'lib/chain/request',
    'lib/engine',
    'lib/engine/reply',
    'lib/engine/sensitive',
  ],
  'lib/engine/sensitive': [
    ...['lib/contract', 'lib/chain', 'lib/chain/request', 'lib/engine', 'lib/engine/json'],
  ],
  'lib/engine/telling': ['lib/contract', 'lib/chain', 'lib/engine', 'lib/engine/undo'],
  'lib/engine/undo': ['lib/contract', 'lib/chain', 'lib/engine', 'lib/engine/lookup', 'lib/engine/request'],
  'lib/openapi': ['lib/contract', 'lib/chain', 'lib/engine', 'zod'],
  'lib/adapters': ['lib/contract', 'lib/engine', '@aws-sdk'],
  'lib/adapters/dynamodb': ['lib/contract', 'lib/engine', 'zod', '@aws-sdk'],
  'lib/adapters/sqs': ['lib/contract', 'lib/engine', '@aws-sdk'],
  'lib/adapters/http': ['lib/contract', 'lib/engine', 'lib/adapters', 'https-proxy-agent'],
  'lib/adapters/targets': ['lib/contract', 'lib/engine', 'lib/adapters', 'lib/adapters/targets/auth', 'zod'],
  'lib/adapters/targets/stores': [
    ...['lib/contract', 'lib/engine', 'lib/adapters/targets'],
    ...['@aws-sdk', '@aws-lambda-powertools'],
  ],
  'lib/adapters/targets/auth': ['lib/contract', 'lib/engine', 'zod', '@smithy'],
  'lib/adapters/lambda': ['lib/contract', 'lib/engine', '@aws-lambda-powertools'],
  'functions/chains': ['lib/chain', 'zod'],
  // package.json says what stands for `#auth`, `#chains`, `#proxy` and `#stores`; each bundle has its own.
  functions: [
    ...['lib/contract', 'lib/chain', 'lib/engine', 'lib/engine/json', 'lib/engine/operations'],
    ...['lib/openapi'],
    ...[...ADAPTERS, 'lib/adapters/targets/stores', '#auth', '#chains', '#proxy', '#stores'],
    ...['@aws-sdk', 'aws-lambda'],
  ],
  'lib/cdk': [
    ...['lib/contract', 'lib/chain'],
    ...['lib/cdk/monitoring', 'lib/cdk/monitoring/alarms', 'lib/cdk/monitoring/dashboard'],
    ...['zod', 'aws-cdk-lib', 'constructs', 'cdk-nag'],
  ],
  'lib/cdk/monitoring': ['lib/contract', 'lib/cdk/stage.ts', 'aws-cdk-lib', 'constructs'],
  'lib/cdk/monitoring/alarms': [
    ...['lib/contract', 'lib/cdk/stage.ts', 'lib/cdk/monitoring'],
    ...['aws-cdk-lib', 'constructs'],
  ],
  'lib/cdk/monitoring/dashboard': [
    ...['lib/contract', 'lib/cdk/stage.ts', 'lib/cdk/monitoring', 'lib/cdk/monitoring/alarms'],
    ...['aws-cdk-lib', 'constructs'],
  ],
  'lib/local': [
    ...[
      'lib/contract',
      'lib/chain',
      'lib/chain/request',
      'lib/engine',
      'lib/engine/request',
      'lib/engine/sensitive',
      'lib/adapters',
      'lib/adapters/http',
      'lib/adapters/targets',
    ],
    ...[
      '#auth',
      'functions',
      'lib/local/demo',
      'lib/local/loopback',
      'lib/local/store',
      'lib/local/queue',
      'zod',
    ],
  ],
  'lib/local/loopback': ['lib/contract'],
  'lib/local/demo': [
    ...['lib/contract', 'lib/adapters/targets', 'lib/local/loopback', 'zod', 'json-schema-faker'],
  ],
  'lib/local/store': [
    ...[
      'lib/contract',
      'lib/chain',
      'lib/engine',
      'lib/engine/lookup',
      'lib/engine/request',
      'lib/engine/undo',
      'lib/local/store/files',
    ],
    ...['zod', 'classic-level', 'memory-level'],
  ],
  'lib/local/store/files': ['lib/engine', 'classic-level'],
  'lib/local/queue': ['lib/contract', 'lib/engine', 'aws-lambda'],
  'lib/testing': [
    ...['lib/contract', 'lib/chain', 'lib/chain/request', 'lib/local/demo'],
    ...['lib/engine', 'lib/engine/operations', 'lib/engine/reply'],
    ...['lib/testing/world', 'lib/testing/faults', 'lib/testing/fakes'],
  ],
  'lib/testing/fakes': ['lib/contract', 'lib/chain', 'lib/engine', 'lib/local/demo'],
  'lib/testing/world': [
    ...['lib/contract', 'lib/chain', 'lib/engine', 'functions', 'lib/testing/faults'],
    ...['lib/local', 'lib/local/store', 'lib/local/queue'],
  ],
  'lib/testing/faults': ['lib/contract', 'lib/engine'],
  'lib/client': ['lib/contract', 'lib/chain', '@smithy'],
  'lib/ops': ['lib/contract', '@aws-sdk'],
  'lib/probe': ['lib/contract', 'lib/chain', 'zod', '@aws-sdk', '@smithy'],
  'lib/probe/checks': ['lib/contract', 'lib/chain', 'lib/probe', '@aws-sdk'],
  bin: [
    ...[
      'lib/contract',
      'lib/chain',
      'lib/chain/lock',
      'lib/engine',
      'functions/chains',
      'lib/cdk',
      'lib/local',
      'lib/openapi',
      'lib/ops',
    ],
    ...['lib/probe', 'lib/probe/checks', '#chains', 'aws-cdk-lib'],
  ],
};

/** Files that stand directly in one folder of `lib`; with more of them it holds more than one idea. */
const FILES_IN_FOLDER = 20;

const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => join(folder, name).split(sep).join('/'));
const everything = ['lib', 'functions', 'bin'].flatMap(filesIn);
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** What a file imports: our own files by their path, packages by their name or scope. Node's own modules are left out. */
function importsOf(file: string): readonly string[] {
  return specifiersOf(textOf(file)).flatMap((specifier) => {
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return [];
    if (!specifier.startsWith('.')) return [specifier.split('/')[0] ?? specifier];
    return [
      normalize(join(dirname(file), specifier))
        .split(sep)
        .join('/'),
    ];
  });
}

const MANIFEST = z
  .object({
    imports: z.record(z.string(), z.string()),
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(textOf('package.json')));

const folderOf = (path: string): string =>
  Object.keys(ARROWS)
    .filter((folder) => path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0] ?? path;

const EXAMPLES = importsOf('test/support/shipped-chains.ts');

/** Our sources. Chains that somebody added are theirs: they may be as long as they like, and import what they like. */
const files = everything.filter(
  (file) => !/^functions\/chains\/(?!index\.ts$)/.test(file) || EXAMPLES.includes(file),
);

/** All that a file imports, and all that those of them import that are `among` these files. */
function closureOf(
  file: string,
  among: readonly string[] = files,
  seen = new Set<string>(),
): ReadonlySet<string> {
  for (const imported of importsOf(file)) {
    if (seen.has(imported)) continue;
    seen.add(imported);
    if (among.includes(imported)) closureOf(imported, among, seen);
  }
  return seen;
}

describe('the arrows between folders', () => {
  for (const [folder, allowed] of Object.entries(ARROWS)) {
    const mine = files.filter((file) => folderOf(file) === folder);

    it(`${folder} imports only ${allowed.join(', ')}`, () => {
      for (const file of mine) {
        const wrong = importsOf(file).filter(
          (imported) => ![folder, ...allowed].some((one) => one === imported || one === folderOf(imported)),
        );
        expect(wrong, file).toEqual([]);
      }
    });

    it(`${folder} imports each of them`, () => {
      const imported = mine.flatMap(importsOf).flatMap((name) => [name, folderOf(name)]);
      expect(allowed.filter((one) => !imported.includes(one))).toEqual([]);
    });
  }

  it('every file has a folder with arrows', () => {
    expect(files.filter((file) => folderOf(file) === file)).toEqual([]);
  });

  it('one file makes servers, so that none is without the guard', () => {
    const made = files.filter((file) => /\bcreateServer\b|\bcreateSecureServer\b/.test(textOf(file)));
    expect(made).toEqual(['lib/local/loopback/server.ts']);
  });

  it('npm start loads no AWS SDK and nothing of Lambda', () => {
    const loaded = [...closureOf('bin/local.ts')].filter((imported) => imported.startsWith('@aws'));
    expect(loaded).toEqual([]);
    // Types alone, which are gone at run time.
    const importing = files.filter((file) => /^import \{.*'aws-lambda'/m.test(textOf(file)));
    expect(importing).toEqual([]);
  });

  it('a test of a chain loads no AWS SDK', () => {
    const loaded = [...closureOf('lib/testing/index.ts')].filter((imported) => imported.startsWith('@aws'));
    expect(loaded).toEqual([]);
  });

  it('the engine knows nothing of AWS', () => {
    const engine = files.filter((file) => folderOf(file) === 'lib/engine');
    expect(engine.filter((file) => [...closureOf(file)].some((name) => name.startsWith('@aws')))).toEqual([]);
  });
});

describe('the whole tree', () => {
  it('has no circle of imports, be it of types alone', () => {
    const named = new Map(Object.entries(MANIFEST.imports).map(([name, path]) => [name, path.slice(2)]));
    const all = [...everything, ...filesIn('test')];
    const graph = new Map(all.map((file) => [file, importsOf(file).map((one) => named.get(one) ?? one)]));
    expect([...named.values()].filter((path) => !graph.has(path))).toEqual([]);
    expect(circlesIn(graph)).toEqual([]);
  });

  it(`has no folder of lib with more than ${FILES_IN_FOLDER} files`, () => {
    const folders = [...new Set(filesIn('lib').map((file) => dirname(file)))];
    const full = folders
      .map((folder) => ({ folder, files: files.filter((file) => dirname(file) === folder).length }))
      .filter((one) => one.files > FILES_IN_FOLDER);
    expect(full).toEqual([]);
  });
});

/** What a test replaces with these stays replaced for the files after it, where files share their modules. */
const REPLACES = /\b(?:vi\.(?:mock|doMock|stubGlobal|stubEnv|useFakeTimers|setSystemTime)|mockClient)\(/;

describe('tests that share their modules', () => {
  const tests = filesIn('test');
  const alone = [...DEEP, ...REPLACING, 'aws', 'servers'];
  const sharing = tests.filter(
    (file) =>
      file.endsWith('.test.ts') &&
      !alone.some((place) => file === `test/${place}.test.ts` || file.startsWith(`test/${place}/`)),
  );
  /** Lines of comments do not count. */
  const replaces = (file: string): boolean =>
    REPLACES.test(textOf(file).replace(/^\s*(?:\/?\*|\/\/).*$/gm, ''));
  const replacing = tests.filter(replaces);

  it('replace nothing, and import no test code that does', () => {
    const wrong = sharing.flatMap((file) => {
      const place = file.slice('test/'.length, -'.test.ts'.length);
      return [file, ...closureOf(file, tests)]
        .filter((one) => replacing.includes(one))
        .map((one) => `${one} replaces: add '${place}' to REPLACING in test/vitest.config.ts`);
    });
    expect(wrong).toEqual([]);
  });

  it('import no hook: it would run for the first file that imports it, and for no other', () => {
    const helpers = tests.filter((file) => !file.endsWith('.test.ts') && file !== 'test/support/setup.ts');
    const hooking = helpers.filter((file) => /^(?:before|after)(?:Each|All)\(/m.test(textOf(file)));
    expect(hooking).toEqual([]);
  });
});

describe('the picture in docs/architecture.md', () => {
  const page = textOf('docs/architecture.md');
  const picture = arrowsOf(page);
  const folders = Object.keys(ARROWS);

  it.each(Object.entries(ARROWS))('leads from %s to all that it imports', (folder, allowed) => {
    const reached = reachedFrom(picture, folder);
    const ours = allowed.filter((one) => folders.includes(folderOf(one)));
    expect(ours.filter((one) => !reached.has(one))).toEqual([]);
  });

  it('draws no other arrow', () => {
    const drawn = [...picture].flatMap(([from, leads]) => leads.map((to) => [from, to] as const));
    expect(drawn).not.toEqual([]);
    // Where `#chains` leads is drawn.
    const isTrue = (from: string, to: string): boolean =>
      [to, ...(to === 'functions/chains' ? ['#chains'] : [])].some((one) => ARROWS[from]?.includes(one));
    expect(drawn.filter(([from, to]) => !isTrue(from, to))).toEqual([]);
  });

  it('has a paragraph for each folder', () => {
    const told = [...page.matchAll(/^- \*\*(`[^*]+)\*\*/gm)].map(([, title = '']) => title).join(' ');
    expect(folders.filter((folder) => !told.includes(`\`${folder}\``))).toEqual([]);
  });
});

describe('the package', () => {
  const pinned = Object.entries({ ...MANIFEST.dependencies, ...MANIFEST.devDependencies });

  it('pins every version exactly', () => {
    expect(pinned.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('ships no dependency that nothing imports', () => {
    const sources = everything.map(textOf).join('\n') + textOf('package.json').split('"dependencies"')[0];
    const unused = Object.keys(MANIFEST.dependencies).filter(
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
