import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from '../../../../lib/cdk/app.ts';
import { synthesize } from '../../../cdk/synth.ts';
import { countResources, type Resources } from './resources.ts';

/** What a stage is made of, and where that is from. */
export interface CountedStage {
  readonly counts: Resources;
  readonly from: string;
}

/** Of the stage `dev` as it is synthesized with these chains and settings. Errors: those of the synthesis. */
export async function countStage(given: Pick<Deployment, 'chains' | 'stages'>): Promise<CountedStage> {
  const { templates } = await synthesize('dev', given);
  return {
    counts: countResources(templates.map((template) => template.toJSON())),
    from: `the stage dev with ${given.chains.length} chains, as it is synthesized: ${templates.length} templates`,
  };
}

/** Of the templates in `directory` and below it. Errors: throws where there are none, and where one cannot be read. */
export function countTemplates(directory: string): CountedStage {
  const files = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  const names = files.filter((name) => name.endsWith('.template.json'));
  if (names.length === 0) throw new Error(`there are no templates in ${directory}: npx cdk synth makes them`);
  const templates = names.map((name): unknown => JSON.parse(readFileSync(join(directory, name), 'utf8')));
  return { counts: countResources(templates), from: names.join(', ') };
}
