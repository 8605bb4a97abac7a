import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleTo, FUNCTIONS } from '../../functions/deployment.ts';
import { measureBundles } from './bundles.ts';

let bundles: string;
beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'stepline-bundles-'));
  await bundleTo(bundles);
});
afterAll(() => rm(bundles, { recursive: true }));

describe('every function', () => {
  it('loads with the environment that is measured, and is within its limit', async () => {
    const figures = await measureBundles(bundles, 1);
    expect(figures.map(({ name }) => name)).toEqual(FUNCTIONS);
    for (const { name, bytes, limitBytes } of figures) expect(bytes, name).toBeLessThanOrEqual(limitBytes);
  });
});
