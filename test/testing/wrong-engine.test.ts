import { expect, it } from 'vitest';
import { bundleSimulator } from '../simulation/bundle.ts';
import { messageOf } from './fixtures.ts';

it('an engine that calls under another key at each attempt is found by every fault over a chain', async () => {
  const bundle = await bundleSimulator(
    'every-fault',
    [
      {
        file: 'lib/engine/worker.ts',
        replace: "action: 'do', round });",
        by: "action: 'do', round: round + (state.steps.get(step.name)?.attempt ?? 0) });",
      },
    ],
    '../testing/under-faults.ts',
  );
  const { underFaults }: { readonly underFaults: () => Promise<unknown> } = await import(bundle);
  expect(await messageOf(underFaults())).toMatch('the effect of step "payment" happened twice');
});
