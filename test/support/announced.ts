import { basename } from 'node:path';
import type { TestUserConfig } from 'vitest/config';

type Reporters = NonNullable<TestUserConfig['reporters']>;

/**
 * The reporters of a run: what will run and about how long, then each file as it ends; with `CI=true` also JSON in
 * `dist/reports/<REPORT>.json`, which CI adds up.
 * @param minutes on two quiet cores, by project
 * @example announced({ quick: 2, deep: 12 }) // "quick: 120 files, about 2 minutes on two cores"
 */
export function announced(minutes: Readonly<Record<string, number>>): Reporters {
  const announcement = {
    onTestRunStart(specifications: readonly { readonly project: { readonly name: string } }[]) {
      for (const [name, about] of Object.entries(minutes)) {
        const files = specifications.filter(({ project }) => project.name.split('-')[0] === name).length;
        if (files > 0)
          console.log(`${name}: ${files} files. All of it takes about ${about} minutes on two cores.`);
      }
    },
  };
  if (process.env.CI !== 'true') return [announcement, 'default'];
  const outputFile = `dist/reports/${basename(process.env.REPORT ?? 'tests')}.json`;
  return [announcement, 'default', ['json', { outputFile }]];
}
