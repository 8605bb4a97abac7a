import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

const read = (file: string): unknown => JSON.parse(readFileSync(`${import.meta.dirname}/../${file}`, 'utf8'));

const names = z.record(z.string(), z.string()).default({});

const manifest = z
  .object({
    engines: z.object({ node: z.string() }),
    scripts: z.object({ build: z.string() }),
    devDependencies: z.looseObject({ '@types/node': z.string() }),
    allowScripts: z.record(z.string(), z.boolean()),
  })
  .parse(read('package.json'));

const lock = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        dependencies: names,
        optionalDependencies: names,
        resolved: z.string().optional(),
        hasInstallScript: z.boolean().default(false),
      }),
    ),
  })
  .parse(read('package-lock.json'));

const nameOf = (path: string): string => path.split('node_modules/').at(-1) ?? path;
const locked = Object.entries(lock.packages);
const installed = new Set(locked.map(([path]) => nameOf(path)));

describe('npm ci', () => {
  it('warns of no install script: package.json says of each whether it runs', () => {
    const withScript = locked
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => nameOf(path));
    expect(Object.keys(manifest.allowScripts).sort()).toEqual(withScript.sort());
  });

  it('finds every package that another one names, optional ones too: npm 12 refuses a lock that lacks one', () => {
    const missing = locked.flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !installed.has(name))
        .map((name) => `${name}, which ${path} names`),
    );
    expect(missing).toEqual([]);
  });

  it('asks the registry that the user has configured', () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });
});

describe('the oldest Node', () => {
  const oldest = /^>=(\d+)\./.exec(manifest.engines.node)?.[1];

  it('has the types that the sources are checked with', () => {
    expect(manifest.devDependencies['@types/node'].split('.')[0]).toBe(oldest);
  });

  it('can run what npm start builds', () => {
    expect(manifest.scripts.build).toContain(`--target=node${oldest} `);
  });
});
