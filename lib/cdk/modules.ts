import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Stage } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { ChainDefinition } from '../chain/definition.ts';
import { DefinitionError } from '../chain/definition-error.ts';
import type { ChainSource } from './stage.ts';

/**
 * Finds the files that export the chains. Errors: `DefinitionError` for a chain that no file exports.
 * @param places files, and folders whose `.ts` files are looked through
 * @example const sources = await chainSources(chains, ['functions/chains']);
 */
export async function chainSources(
  chains: readonly ChainDefinition[],
  places: readonly string[],
): Promise<readonly ChainSource[]> {
  const exported = (await Promise.all(places.flatMap(filesOf).map(exportsOf))).flat();
  return chains.map((definition) => {
    const found = exported.find((one) => one.value === definition);
    if (found !== undefined) return { definition, file: found.file, exportName: found.exportName };
    throw new DefinitionError(
      { chain: definition.name },
      `no file of ${places.join(', ')} exports version ${definition.version}`,
      'Export it from a file there: export const orderProcessing = chain(…).',
    );
  });
}

const filesOf = (place: string): readonly string[] =>
  place.endsWith('.ts')
    ? [place]
    : readdirSync(place)
        .filter((name) => name.endsWith('.ts'))
        .sort()
        .map((name) => join(place, name));

interface Exported {
  readonly file: string;
  readonly exportName: string;
  readonly value: unknown;
}

async function exportsOf(file: string): Promise<readonly Exported[]> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(resolve(file)).href);
  return Object.entries(module).map(([exportName, value]) => ({ file, exportName, value }));
}

/**
 * Writes a module that exports exactly these chains, to be bundled in the place of `#chains`. It stands with what is synthesized, so
 * that two syntheses at a time have one each.
 * @returns the module's path
 * @example chainsModule(this, 'order-processing', sources) // '…/cdk.out/chains/order-processing.ts'
 */
export function chainsModule(scope: IConstruct, name: string, sources: readonly ChainSource[]): string {
  const path = resolve(Stage.of(scope)?.outdir ?? 'cdk.out', 'chains', `${name}.ts`);
  mkdirSync(dirname(path), { recursive: true });
  const lines = sources.map(
    ({ file, exportName }, at) =>
      `import { ${exportName} as chain${at} } from ${JSON.stringify(relative(dirname(path), resolve(file)))};`,
  );
  const names = sources.map((_, at) => `chain${at}`);
  writeFileSync(path, `${[...lines, `export const chains = [${names.join(', ')}];`].join('\n')}\n`);
  return path;
}
