import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';
import { type Deployment, stageApp } from '../../../../lib/cdk/app.ts';
import { settingsOf } from '../../../../lib/cdk/settings.ts';
import type { ChainSource } from '../../../../lib/cdk/stage.ts';
import { target } from '../../../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../../../lib/chain/validate.ts';
import type { SettledStage } from '../../../../lib/contract/names.ts';
import { synthesize, testApp } from '../../../cdk/synth.ts';
import { countResources, type Resources } from './resources.ts';

/** What a stage is made of, and where that is from. */
export interface CountedStage {
  readonly counts: Resources;
  readonly from: string;
}

/** Of a stage as it is synthesized with these chains and settings. Errors: those of the synthesis. */
export async function countStage(
  name: SettledStage,
  given: Pick<Deployment, 'chains' | 'stages'>,
): Promise<CountedStage> {
  const { templates } = await synthesize(name, given);
  return {
    counts: countResources(templates.map((template) => template.toJSON())),
    from: `the stage ${name} with ${given.chains.length} chains, as it is synthesized: ${templates.length} templates`,
  };
}

/** Steps of a chain where only their number is said, as many as each of the shipped chains has. */
export const STEPS_OF_CHAIN = 3;

/** Of a stage with so many steps, each chain having three. Nothing of it is bundled, and cdk-nag does not look at it. */
export function countOfSteps(name: SettledStage, stages: Deployment['stages'], steps: number): CountedStage {
  const chains = Array.from({ length: Math.ceil(steps / STEPS_OF_CHAIN) }, (_, at) =>
    chainOf(at, Math.min(STEPS_OF_CHAIN, steps - at * STEPS_OF_CHAIN)),
  );
  const app = testApp({ stage: name });
  stageApp({ name, settings: settingsOf(stages, name), chains }, app, () => undefined);
  const stacks = app.node.findAll().filter((one) => Stack.isStack(one));
  return {
    counts: countResources(stacks.map((one) => Template.fromStack(one).toJSON())),
    from: `the stage ${name} with ${steps} steps in ${chains.length} chains, as it is synthesized`,
  };
}

function chainOf(at: number, steps: number): ChainSource {
  const name = `chain-${at}`;
  const definition = Array.from({ length: steps }, (_, step) => `step-${step}`).reduce(
    (chain, step) => withStep(chain, step, { request: () => target('payments').post('/charges') }),
    emptyChain(name, { version: 1, start: `/api/${name}`, input: z.strictObject({}) }),
  );
  return { definition, file: import.meta.filename, exportName: `chain${at}` };
}

/** Of the templates in `directory` and below it. Errors: throws where there are none, and where one cannot be read. */
export function countTemplates(directory: string): CountedStage {
  const files = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  const names = files.filter((name) => name.endsWith('.template.json'));
  if (names.length === 0) throw new Error(`there are no templates in ${directory}: npx cdk synth makes them`);
  const templates = names.map((name): unknown => JSON.parse(readFileSync(join(directory, name), 'utf8')));
  return { counts: countResources(templates), from: names.join(', ') };
}
