import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const TYPES = resolve(import.meta.dirname, '../types');
const ROOT = resolve(import.meta.dirname, '../..');
const DIRECTIVE = /^\s*\/\/ @ts-expect-error (.+)$/;

/**
 * What the compiler says of a misuse: no such property, not assignable, no overload, possibly null or undefined, unknown, too many
 * arguments, a property missing. A directive would also swallow a misspelt import (2307) or an unknown name (2304).
 */
const REASONS = [2322, 2339, 2345, 2353, 2551, 2554, 2561, 2739, 2740, 2741, 2769, 18046, 18047, 18048];

interface Misuse {
  readonly name: string;
  readonly codes: readonly number[];
}

/** Copies the type tests without their directives and gives each one the errors that now stand below it. */
function compileWithoutDirectives(directory: string): readonly Misuse[] {
  const files = readdirSync(TYPES).map((file) => ({
    file,
    lines: readFileSync(join(TYPES, file), 'utf8').split('\n'),
  }));
  for (const { file, lines } of files) {
    const bare = lines.map((line) =>
      line.replace('@ts-expect-error', '').replaceAll(/\.\.\/\.\.\/(?=lib|functions)/g, `${ROOT}/`),
    );
    writeFileSync(join(directory, file), bare.join('\n'));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const config = { extends: join(ROOT, 'tsconfig.json'), include: [join(directory, '*.ts')] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  const errors = compile(directory);
  return files.flatMap(({ file, lines }) => {
    const directives = lines.flatMap((line, index) => {
      const name = DIRECTIVE.exec(line)?.[1];
      return name === undefined ? [] : [{ name, line: index + 1 }];
    });
    return directives.map(({ name, line }) => ({
      name,
      // A directive speaks of the line below it.
      codes: errors.filter((error) => error.file === file && error.line === line + 1).map(({ code }) => code),
    }));
  });
}

function compile(directory: string) {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const { stdout } = spawnSync(
    process.execPath,
    [join(dirname(manifest), 'bin/tsc'), '-p', directory, '--pretty', 'false'],
    {
      cwd: directory,
      encoding: 'utf8',
    },
  );
  return [...stdout.matchAll(/^([\w-]+\.ts)\((\d+),\d+\): error TS(\d+):/gm)].map(([, file, line, code]) => ({
    file,
    line: Number(line),
    code: Number(code),
  }));
}

describe('each misuse that the type tests expect to be refused', () => {
  let directory = '';
  let misuses: readonly Misuse[] = [];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'stepline-types-'));
    misuses = compileWithoutDirectives(directory);
  }, 60_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('is refused by the compiler, for a reason that concerns the misuse', () => {
    const refusedOtherwise = misuses.filter(
      ({ codes }) => codes.length === 0 || codes.some((code) => !REASONS.includes(code)),
    );
    expect(refusedOtherwise).toEqual([]);
  });

  it('is one of many', () => {
    expect(misuses.length).toBeGreaterThan(45);
  });
});
