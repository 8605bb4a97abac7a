import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { measure } from '../../lib/cdk/ceiling.ts';
import { StageFunction } from '../../lib/cdk/lambda.ts';
import { acknowledgements } from '../../lib/cdk/nag.ts';
import { Network } from '../../lib/cdk/network.ts';
import { probeSettings } from '../../lib/cdk/probe.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { placesOf } from '../../lib/cdk/stage.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { chains } from '../support/shipped-chains.ts';
import { stages } from './fixture-stages.ts';
import { grants } from './grants.ts';
import { bodiesOf, type Synthesized, synthesize, synthesized, testApp } from './synth.ts';

const vpc = {
  vpcId: 'vpc-0123456789abcdef0',
  subnetIds: ['subnet-0123456789abcdef0', 'subnet-01234567'],
  securityGroupIds: ['sg-0123456789abcdef0'],
} as const;
const proxy = { url: 'http://proxy.example.com:3128', noProxy: ['.internal', '10.0.0.0/8'] } as const;

let plain: Synthesized;
let inside: Synthesized;
beforeAll(async () => {
  plain = await synthesized('dev');
  inside = await synthesize('dev', { stages: { ...stages, dev: { ...stages.dev, vpc, proxy } } });
}, 120_000);

const STEPS = placesOf({ chains: chains.map((definition) => ({ definition })) }).map(
  ({ chain, step }) => `stepline_dev_${chain}_${step}`,
);
const environment = z.object({ Variables: z.record(z.string(), z.unknown()) });
const functionsOf = ({ all }: Synthesized) =>
  all('AWS::Lambda::Function').map(({ properties }) => ({
    name: String(properties.FunctionName),
    vpc: properties.VpcConfig,
    variables: environment.parse(properties.Environment).Variables,
  }));

describe('a stage with a VPC', () => {
  it('has its steps there, and no other function', () => {
    const there = functionsOf(inside).filter((one) => one.vpc !== undefined);
    expect(there.map(({ name }) => name).sort()).toEqual([...STEPS].sort());
    for (const one of there) {
      expect(one.vpc).toEqual({ SubnetIds: vpc.subnetIds, SecurityGroupIds: vpc.securityGroupIds });
    }
    expect(functionsOf(plain).filter((one) => one.vpc !== undefined)).toEqual([]);
  });

  it('lets Lambda make network interfaces in these subnets with these security groups, and no other function’s role', () => {
    const here = 'arn:aws:ec2:eu-central-1:123456789012';
    for (const [name, list] of grants(inside)) {
      const ec2 = list.filter(({ action }) => action.startsWith('ec2:'));
      const made = ec2.filter(
        ({ action, resource }) => action === 'ec2:CreateNetworkInterface' && resource !== '*',
      );
      expect(made.map(({ resource }) => resource).sort(), name).toEqual(
        STEPS.includes(name)
          ? [
              `${here}:network-interface/*`,
              `${here}:security-group/${vpc.securityGroupIds[0]}`,
              `${here}:subnet/${vpc.subnetIds[1]}`,
              `${here}:subnet/${vpc.subnetIds[0]}`,
            ].sort()
          : [],
      );
      expect(new Set(ec2.map(({ action }) => action)).size, name).toBe(STEPS.includes(name) ? 6 : 0);
    }
  });

  it('forbids each function what its role lets Lambda do', () => {
    const denied = inside
      .all('AWS::IAM::Policy')
      .flatMap(({ properties }) => statements.parse(properties.PolicyDocument).Statement)
      .filter(({ Effect }) => Effect === 'Deny');
    expect(denied).toHaveLength(STEPS.length);
    for (const one of denied) expect(one.Action).toHaveLength(6);
    const text = JSON.stringify(denied.map(({ Condition }) => Condition));
    for (const name of STEPS) expect(text).toContain(`:function:${name}"`);
  });

  it('needs no more resources, and nobody to be signed in', () => {
    const figures = (stage: Synthesized) =>
      measure(bodiesOf(stage)).filter(({ bound }) =>
        ['stackResources', 'resourcesAtOnce', 'managedPolicies'].includes(bound),
      );
    expect(figures(inside).map(({ value }) => value)).toEqual(figures(plain).map(({ value }) => value));
    expect(inside.app.synth().manifest.missing).toBeUndefined();
  });

  it('has a reason for each wildcard', () => {
    const reasons = acknowledgements(inside.app).filter(({ reason }) =>
      reason.includes('network interfaces'),
    );
    expect(reasons).toHaveLength(3 * STEPS.length);
  });

  it('has its probe there, too', () => {
    const settings = settingsOf({ ...stages, dev: { ...stages.dev, vpc, proxy } }, 'dev');
    expect(probeSettings(settings, false)).toMatchObject({ vpc });
    expect(probeSettings(settings, false)).not.toHaveProperty('proxy');
  });
});

const statements = z.object({
  Statement: z.array(
    z.object({ Effect: z.string(), Action: z.unknown(), Condition: z.unknown().optional() }),
  ),
});

describe('a stage with a proxy', () => {
  const named = ({ variables }: { readonly variables: object }) =>
    Object.fromEntries(Object.entries(variables).filter(([name]) => /PROXY/i.test(name)));

  it('names it to its steps, and to no other function', () => {
    for (const one of functionsOf(inside)) {
      expect(named(one), one.name).toEqual(
        STEPS.includes(one.name)
          ? { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, NO_PROXY: '.internal,10.0.0.0/8' }
          : {},
      );
    }
    expect(functionsOf(plain).map(named)).toEqual(functionsOf(plain).map(() => ({})));
  });
});

describe('the bundle of a function', () => {
  /** The bundle of a step's function beside another without a network, in a stage with a proxy. */
  const bundles = (): readonly string[] => {
    const app = testApp({ 'aws:cdk:bundling-stacks': ['**'] });
    const stack = new Stack(app, 'bundles');
    const settings = settingsOf({ ...stages, dev: { ...stages.dev, proxy } }, 'dev');
    const stage = { name: 'dev', settings, chains: [] } as const;
    const common = {
      stage,
      chains: resolve('test/support/shipped-chains.ts'),
      timeout: 10,
      environment: {},
      description: '-',
    };
    const network = new Network(stack, 'Network', { stage });
    new StageFunction(stack, 'Step', { ...common, nameParts: ['step'], entry: 'step', network });
    new StageFunction(stack, 'Get', { ...common, nameParts: ['get'], entry: 'get' });
    const functions = Template.fromStack(stack).findResources('AWS::Lambda::Function');
    return ['stepline_dev_step', 'stepline_dev_get'].map((name) => {
      const found = Object.values(functions).find(({ Properties }) => Properties.FunctionName === name);
      const { S3Key } = z.object({ S3Key: z.string() }).parse(found?.Properties.Code);
      return join(app.outdir, `asset.${S3Key.replace('.zip', '')}`, 'index.mjs');
    });
  };

  it('carries what speaks to the proxy where it calls targets, and starts', async () => {
    const [step = '', get = ''] = bundles();
    expect(readFileSync(step, 'utf8')).toContain('CONNECT ');
    expect(readFileSync(get, 'utf8')).not.toContain('CONNECT ');
    expect(statSync(step).size).toBeLessThan(LIMITS.stepBundleBytes);
    // It finds the modules of Node that it uses, and comes as far as its environment. Imported here it would have what Vitest gives it.
    await expect(promisify(execFile)(process.execPath, [step])).rejects.toThrow(
      /environment variable STEPLINE_/,
    );
  }, 60_000);
});

describe('the settings', () => {
  const of = (changes: object) => () => settingsOf({ ...stages, dev: { ...stages.dev, ...changes } }, 'dev');

  it.each<[string, object, RegExp]>([
    [
      'a VPC by its name',
      { vpc: { ...vpc, vpcId: 'shop' } },
      /vpc\.vpcId: expected the id of a VPC, such as vpc-0/,
    ],
    ['no subnet', { vpc: { ...vpc, subnetIds: [] } }, /vpc\.subnetIds: /],
    [
      'an id in upper case',
      { vpc: { ...vpc, subnetIds: ['subnet-0123ABCD'] } },
      /vpc\.subnetIds\.0: expected the id of a subnet/,
    ],
    [
      'a subnet twice',
      { vpc: { ...vpc, subnetIds: ['subnet-01234567', 'subnet-01234567'] } },
      /vpc\.subnetIds: one of them stands here twice/,
    ],
    ['no security group', { vpc: { ...vpc, securityGroupIds: undefined } }, /vpc\.securityGroupIds: /],
    [
      'more security groups than Lambda takes',
      { vpc: { ...vpc, securityGroupIds: [1, 2, 3, 4, 5, 6].map((n) => `sg-0000000${n}`) } },
      /vpc\.securityGroupIds: .*<=5/,
    ],
    ['a proxy without a scheme', { proxy: { url: 'proxy:3128' } }, /proxy\.url: must begin with http:/],
    [
      'the password of a proxy',
      { proxy: { url: 'http://me:s3cret@proxy:3128' } },
      /proxy\.url: holds a user name or password, .*leave it out/,
    ],
    [
      'an exception that is none',
      { proxy: { url: proxy.url, noProxy: ['.internal', 'http://api.test'] } },
      /proxy\.noProxy\.1: expected a host, \.suffix/,
    ],
    [
      'two exceptions in one',
      { proxy: { url: proxy.url, noProxy: ['a.test,b.test'] } },
      /proxy\.noProxy\.0: /,
    ],
  ])('refuse %s', (_, changes, message) => {
    expect(of(changes)).toThrow(message);
    expect(of(changes)).not.toThrow('s3cret');
  });
});
