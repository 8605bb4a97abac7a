import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../../lib/contract/limits.ts';
import { bundleTo, FUNCTIONS, type FunctionName } from '../../../functions/deployment.ts';
import { measureBundles } from './bundles.ts';

let bundles: string;
beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'stepline-bundles-'));
  await bundleTo(bundles);
});
afterAll(() => rm(bundles, { recursive: true }));

const API: readonly FunctionName[] = ['start', 'get', 'list', 'cancel', 'resume'];
const limitOf = (name: FunctionName): number =>
  API.includes(name) ? LIMITS.apiBundleBytes : LIMITS.stepBundleBytes;

describe('every function', () => {
  it('loads with the environment that is measured, and is within its limit', async () => {
    const figures = await measureBundles(bundles, 1);
    expect(figures.map(({ name }) => name)).toEqual(FUNCTIONS);
    for (const { name, bytes } of figures) expect(bytes, name).toBeLessThanOrEqual(limitOf(name));
  });
});
