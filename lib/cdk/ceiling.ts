import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Stack } from 'aws-cdk-lib';
import * as z from 'zod';
import { CEILINGS } from '../contract/limits.ts';
import { SettingsError } from './settings.ts';

const resource = z.object({
  Type: z.string(),
  Properties: z
    .looseObject({
      Roles: z.array(z.unknown()).optional(),
      Environment: z.looseObject({ Variables: z.record(z.string(), z.unknown()).default({}) }).optional(),
    })
    .default({}),
});
const template = z.looseObject({
  Resources: z.record(z.string(), resource).default({}),
  Parameters: z.record(z.string(), z.unknown()).default({}),
  Outputs: z.record(z.string(), z.unknown()).default({}),
});
type Resource = z.infer<typeof resource>;

/** A template as it is uploaded. */
export interface TemplateFile {
  readonly name: string;
  readonly text: string;
}

type Bound = keyof typeof CEILINGS;

/** How near something comes to a bound of AWS. */
export interface Reading {
  readonly bound: Bound;
  /** What it is about, such as the template that is the largest. */
  readonly about: string;
  readonly value: number;
}

/**
 * How near a stage comes to each bound of CloudFormation, Lambda, IAM and the account: of templates, roles and functions the one that
 * is nearest, of quotas the sum.
 * @example measure(templatesOf(app, 'cdk.out')).find(({ bound }) => bound === 'stackResources')?.value // 301
 */
export function measure(files: readonly TemplateFile[]): readonly Reading[] {
  const stacks = files.map(({ name, text }) => ({ name, text, ...template.parse(JSON.parse(text)) }));
  const resources = stacks.flatMap(({ name, Resources }) =>
    Object.entries(Resources).map(([id, one]) => ({ id: `${name}, ${id}`, ...one })),
  );
  const count = (...types: readonly string[]): number =>
    resources.filter(({ Type }) => types.includes(Type)).length;
  const most = (bound: Bound, values: readonly (readonly [string, number])[]): Reading => {
    const [about, value] = values.reduce((one, other) => (other[1] > one[1] ? other : one), ['nothing', 0]);
    return { bound, about, value };
  };
  const ofStacks = (bound: Bound, value: (stack: (typeof stacks)[number]) => number): Reading =>
    most(
      bound,
      stacks.map((stack) => [stack.name, value(stack)]),
    );
  const sum = (bound: Bound, value: number): Reading => ({ bound, about: 'the stage', value });
  return [
    ofStacks('templateBytes', ({ text }) => Buffer.byteLength(text)),
    ofStacks('stackResources', ({ Resources }) => Object.keys(Resources).length),
    ofStacks('stackParameters', ({ Parameters }) => Object.keys(Parameters).length),
    ofStacks('stackOutputs', ({ Outputs }) => Object.keys(Outputs).length),
    most('managedPolicies', [...managedPolicies(stacks)]),
    most(
      'environmentBytes',
      resources.map((one) => [one.id, environmentBytes(one)]),
    ),
    sum('routes', count('AWS::ApiGatewayV2::Route')),
    sum('roles', count('AWS::IAM::Role')),
    sum('alarms', count('AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm')),
    sum('savedQueries', count('AWS::Logs::QueryDefinition')),
    sum('resourcesAtOnce', resources.length),
  ];
}

/** The managed policies of each role. A policy names the roles that have it. */
function managedPolicies(
  stacks: readonly { readonly name: string; readonly Resources: Readonly<Record<string, Resource>> }[],
): ReadonlyMap<string, number> {
  const attached = new Map<string, number>();
  for (const { name, Resources } of stacks) {
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type !== 'AWS::IAM::ManagedPolicy') continue;
      for (const role of Properties.Roles ?? []) {
        const key = `${name}, ${JSON.stringify(role)}`;
        attached.set(key, (attached.get(key) ?? 0) + 1);
      }
    }
  }
  return attached;
}

/** What CloudFormation fills in for a reference: the longest that we use is the ARN of a topic. */
const FILLED_IN = 128;

function environmentBytes({ Properties: { Environment } }: Resource): number {
  const variables = Object.entries(Environment?.Variables ?? {});
  return variables.reduce(
    (bytes, [name, value]) =>
      bytes + name.length + (typeof value === 'string' ? Buffer.byteLength(value) : FILLED_IN),
    0,
  );
}

/** The templates of an app that was synthesized into `folder`, which may hold those of other stages as well. */
export const templatesOf = (app: App, folder: string): readonly TemplateFile[] =>
  app.node
    .findAll()
    .filter((one) => Stack.isStack(one))
    .map(({ templateFile }) => ({
      name: templateFile.replace(/(\.nested)?\.template\.json$/, ''),
      text: readFileSync(join(folder, templateFile), 'utf8'),
    }));

const number = (value: number): string => value.toLocaleString('en');

const line = ({ bound, about, value }: Reading): string => {
  const { most, what } = CEILINGS[bound];
  return `${what}: ${number(value)} of ${number(most)} (${about})`;
};

/**
 * Holds a stage to what AWS takes, before CloudFormation refuses it half-way.
 * Errors: `SettingsError`, with every bound that is passed and what to do.
 * @returns what to tell: the numbers, and quotas of the account that must be raised first
 */
export function refuseBeyondCeiling(readings: readonly Reading[]): readonly string[] {
  const beyond = readings.filter(({ bound, value }) => value > CEILINGS[bound].most);
  const hard = beyond.filter(({ bound }) => CEILINGS[bound].kind === 'hard');
  if (hard.length > 0) {
    throw new SettingsError(
      [
        'CloudFormation would refuse this stage:',
        ...hard.map((reading) => `  ${line(reading)}. ${CEILINGS[reading.bound].remedy}`),
      ].join('\n'),
    );
  }
  const nearest = readings.toSorted(
    (one, other) => other.value / CEILINGS[other.bound].most - one.value / CEILINGS[one.bound].most,
  );
  const [closest] = nearest;
  return [
    ...(closest === undefined ? [] : [`of all bounds of AWS the stage is nearest to this: ${line(closest)}`]),
    ...beyond.map((reading) => `${line(reading)}. ${CEILINGS[reading.bound].remedy}`),
  ];
}
