import { expect, it } from 'vitest';
import { bundleSimulator } from '../simulation/bundle.ts';
import { messageOf } from './fixtures.ts';

it('an engine that calls under another key at each attempt is found by every fault over a chain', async () => {
  const bundle = await bundleSimulator(
    'every-fault',
    [
      {
        file: 'lib/engine/request/seen.ts',
        replace: 'step: step.name, action, round });',
        by: 'step: step.name, action, round: round + (state.steps.get(step.name)?.attempt ?? 0) });',
      },
    ],
    '../testing/under-faults.ts',
  );
  const { underFaults }: { readonly underFaults: () => Promise<unknown> } = await import(bundle);
  expect(await messageOf(underFaults())).toMatch('the effect of step "payment" happened twice');
});

it('an engine that leaves standing what a step did is found by every fault over a chain', async () => {
  const bundle = await bundleSimulator(
    'every-fault-undone',
    [
      {
        file: 'lib/engine/undo/words.ts',
        replace:
          "undo !== undefined && (state.steps.get(name)?.status === 'completed' || isInDoubt(state, name));",
        by: 'undo !== undefined && isInDoubt(state, name);',
      },
    ],
    '../testing/under-faults.ts',
  );
  const { underFaultsAndUndone }: { readonly underFaultsAndUndone: () => Promise<unknown> } = await import(
    bundle
  );
  expect(await messageOf(underFaultsAndUndone())).toMatch(
    'the workflow was taken back, and the effect of step "provision" stands',
  );
});
