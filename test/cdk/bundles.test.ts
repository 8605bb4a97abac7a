import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { LIMITS } from '../../lib/contract/limits.ts';
import { chains } from '../support/shipped-chains.ts';
import { bundled, type Synthesized } from './synth.ts';

let dev: Synthesized;
beforeAll(async () => {
  dev = await bundled('dev');
}, 180_000);

const code = z.object({ S3Key: z.string().regex(/^[0-9a-f]{64}\.zip$/) });

/** The folder with what is uploaded for a function. */
function assetOf(name: string): string {
  const found = dev
    .all('AWS::Lambda::Function')
    .find(({ properties }) => properties.FunctionName === `stepline_dev_${name}`);
  const { S3Key } = code.parse(found?.properties.Code);
  return join(dev.app.outdir, `asset.${S3Key.replace('.zip', '')}`);
}
const bytesOf = (name: string): number => statSync(join(assetOf(name), 'index.mjs')).size;
const textOf = (name: string): string => readFileSync(join(assetOf(name), 'index.mjs'), 'utf8');

const API = ['start', 'get', 'list', 'cancel', 'resume'];
const STEPS = chains.flatMap(({ name, steps }) => steps.map((step) => `${name}_${step.name}`));

describe('what is uploaded', () => {
  it.each(API)('for %s has at most 700 KB', (name) => {
    expect(bytesOf(name)).toBeLessThanOrEqual(LIMITS.apiBundleBytes);
  });

  it.each([...STEPS, 'step-failed', 'reconciler'])('for %s has at most 1.2 MB', (name) => {
    expect(bytesOf(name)).toBeLessThanOrEqual(LIMITS.stepBundleBytes);
  });

  it('has a source map beside it, without the sources', () => {
    for (const name of [...API, ...STEPS]) {
      const map = z
        .object({ sources: z.array(z.string()), sourcesContent: z.undefined().optional() })
        .parse(JSON.parse(readFileSync(join(assetOf(name), 'index.mjs.map'), 'utf8')));
      expect(map.sources.some((source) => source.endsWith('functions/compose.ts'))).toBe(true);
      expect(map.sources.filter((source) => source.startsWith('/'))).toEqual([]);
    }
  });

  it('for a step holds the client of the store that its secrets are in, and no other, and no kind of auth', () => {
    for (const name of STEPS) {
      const { sources } = z
        .object({ sources: z.array(z.string()) })
        .parse(JSON.parse(readFileSync(join(assetOf(name), 'index.mjs.map'), 'utf8')));
      const holds = (path: string): boolean => sources.some((source) => source.includes(path));
      expect(holds('@aws-sdk/client-secrets-manager/'), name).toBe(true);
      expect(holds('@aws-sdk/client-ssm/'), name).toBe(false);
      expect(holds('lib/adapters/targets/auth/oauth2.ts'), name).toBe(false);
    }
  });

  it('for a step carries its own chain and no other', () => {
    for (const { name, steps } of chains) {
      for (const step of steps) {
        const text = textOf(`${name}_${step.name}`);
        for (const other of chains) expect(text.includes(other.start)).toBe(other.name === name);
      }
    }
  });

  it('for steps of one chain is the same, and uploaded once', () => {
    for (const { name, steps } of chains) {
      expect(new Set(steps.map((step) => assetOf(`${name}_${step.name}`))).size).toBe(1);
    }
  });

  it('carries nothing that speaks to a proxy, where the stage has none', () => {
    for (const name of [...API, ...STEPS, 'step-failed', 'reconciler']) {
      expect(textOf(name)).not.toContain('CONNECT ');
    }
  });

  it('for the API carries every chain', () => {
    for (const name of API) for (const { start } of chains) expect(textOf(name)).toContain(start);
  });
});
