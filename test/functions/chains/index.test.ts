import { expect, it } from 'vitest';
import { chains } from '../../../functions/chains/index.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { server } from '../../local/process-support.ts';
import { SERVER } from '../../support/build.ts';

it('every chain that is listed stands beside the others, and is started by npm start at its path', async () => {
  const { current } = registry(chains);
  expect(current).not.toEqual([]);
  const { stdout } = await server(['--memory'], { entry: SERVER });
  for (const { start } of current) expect(stdout()).toContain(`  POST ${start}\n`);
});
