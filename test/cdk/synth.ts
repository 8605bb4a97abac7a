import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';
import { type Deployment, steplineApp } from '../../lib/cdk/app.ts';
import type { TemplateFile } from '../../lib/cdk/ceiling.ts';
import { SteplineStack } from '../../lib/cdk/stack.ts';
import type { StageName } from '../../lib/contract/names.ts';
import { chains } from '../support/shipped-chains.ts';
import { stages } from './fixture-stages.ts';

export const ENVIRONMENT = { account: '123456789012', region: 'eu-central-1' } as const;

/** One resource of a synthesized stage. */
export interface Resource {
  /** Which of the templates it is in: steps of one name in two chains have the same logical ids. */
  readonly stack: number;
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly deletionPolicy: string | undefined;
}

/** A stage as CDK synthesizes it, without the bundles of its functions. */
export interface Synthesized {
  readonly app: App;
  readonly stack: SteplineStack;
  readonly main: Template;
  /** The nested stack of each chain, by the chain's name. */
  readonly nested: ReadonlyMap<string, Template>;
  /** The main template, then those of the chains and of the dashboards. */
  readonly templates: readonly Template[];
  /** Every resource of a type, whichever stack it stands in. */
  all(type: string): readonly Resource[];
}

const record = z.record(z.string(), z.unknown());

/** What the CLI takes from `cdk.json`: the flags that decide how constructs behave. */
const { context: FLAGS } = z
  .object({ context: record })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8')));

/**
 * An app with the flags of `cdk.json` that bundles nothing.
 * @param ruled whether CloudFormation's rules look at its templates, which takes longer than all the rest
 */
export const testApp = (context: Readonly<Record<string, unknown>> = {}, ruled = false): App =>
  new App({
    context: { ...FLAGS, 'aws:cdk:bundling-stacks': [], ...context },
    builtinCloudFormationValidation: ruled,
    outdir: mkdtempSync(join(tmpdir(), 'stepline-cdk-')),
  });

/** The templates as text. CDK writes them without indentation. */
export const bodiesOf = ({ templates }: Pick<Synthesized, 'templates'>): readonly TemplateFile[] =>
  templates.map((one, at) => ({ name: `template ${at}`, text: JSON.stringify(one.toJSON()) }));

const done = new Map<StageName, Promise<Synthesized>>();

/**
 * A stage of the shipped chains, with the settings of `fixture-stages.ts` and the flags of `cdk.json`. Made once in a test file.
 * @example const { main, nested } = await synthesized('dev');
 */
export function synthesized(stage: StageName): Promise<Synthesized> {
  const known = done.get(stage) ?? synthesize(stage);
  done.set(stage, known);
  return known;
}

/**
 * A stage with some things changed. Errors: those of the app, cdk-nag's findings included, and for chains that are not of a test
 * what CloudFormation's rules find.
 * @example (await synthesize('dev', { chains: [refunds], places: ['test/refunds.ts'] })).all('AWS::SQS::Queue')
 */
export const synthesize = (stage: StageName, changes: Partial<Deployment> = {}): Promise<Synthesized> =>
  synthesizedBy(testApp({ stage }, changes.places === undefined), stage, changes);

/** A stage of the shipped chains as the app makes it with more context, such as `{ reserve: 'made' }`. */
export const synthesizedWith = (
  stage: StageName,
  context: Readonly<Record<string, unknown>>,
): Promise<Synthesized> => synthesizedBy(testApp({ stage, ...context }, true), stage, {});

/** A stage of the shipped chains with the bundles of its functions, which takes a while. */
export const bundled = (stage: StageName): Promise<Synthesized> =>
  synthesizedBy(testApp({ stage, 'aws:cdk:bundling-stacks': ['**'] }), stage, {});

async function synthesizedBy(app: App, stage: StageName, changes: Partial<Deployment>): Promise<Synthesized> {
  const given = { chains, places: ['functions/chains'], stages, ...changes };
  await steplineApp({ ...given, stages: here(given.stages) }, app);
  const stack = app.node.findChild(`stepline-${stage}`);
  if (!(stack instanceof SteplineStack)) throw new Error('the app has another stack');
  const main = Template.fromStack(stack);
  const names = [...new Set(given.chains.map(({ name }) => name))];
  const nested = new Map(
    names.map((name) => {
      const child = stack.node.findChild(name);
      if (child instanceof NestedStack) return [name, Template.fromStack(child)];
      throw new Error(`the chain ${name} has no nested stack`);
    }),
  );
  const others = stack.node
    .findAll()
    .filter((one) => one instanceof NestedStack && !names.includes(one.node.id))
    .map((one) => Template.fromStack(Stack.of(one)));
  const templates = [main, ...nested.values(), ...others];
  return {
    app,
    stack,
    main,
    nested,
    templates,
    all: (type) => templates.flatMap((one, stack) => resourcesOf(type, one, stack)),
  };
}

/** The settings with an account and a region, as no one is signed in to AWS. */
const here = (settings: Deployment['stages']): Deployment['stages'] => ({
  dev: { ...ENVIRONMENT, ...settings.dev },
  staging: { ...ENVIRONMENT, ...settings.staging },
  prod: { ...ENVIRONMENT, ...settings.prod },
});

const resource = z.object({
  Type: z.string(),
  Properties: record.default({}),
  DeletionPolicy: z.string().optional(),
});
const template = z.object({ Resources: z.record(z.string(), resource) });

const resourcesOf = (type: string, of: Template, stack: number): readonly Resource[] =>
  Object.entries(template.parse(of.toJSON()).Resources).flatMap(
    ([id, { Type, Properties, DeletionPolicy }]) =>
      Type === type ? [{ stack, id, properties: Properties, deletionPolicy: DeletionPolicy }] : [],
  );
