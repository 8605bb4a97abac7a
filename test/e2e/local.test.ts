import { startLocal } from '../../lib/local/process.ts';
import { QUIET } from '../local/process-support.ts';
import { chains } from '../support/shipped-chains.ts';
import { BACKOFF_SCALE, fixtureChains } from './fixture-chains.ts';
import { lookupChains } from './lookup-chains.ts';
import { lookupFaultScenarios } from './scenarios/lookup-faults.ts';
import { scenarios } from './scenarios.ts';
import type { Stage } from './stage.ts';

async function open(): Promise<Stage> {
  const local = await startLocal(
    [...chains, ...fixtureChains, ...lookupChains],
    { ...QUIET, backoffScale: BACKOFF_SCALE },
    {
      readable: false,
      say: () => undefined,
    },
  );
  const { baseUrl, demo, engine } = local;
  if (demo === undefined) throw new Error('there are no demo targets');
  return {
    baseUrl,
    fetch: (path, init) => fetch(baseUrl + path, init),
    demo,
    inject: async (queue, body) => engine.queues.inject(queue, body),
    parked: async () => engine.queues.contents({ kind: 'parking' }),
    close: local.stop,
  };
}

scenarios('on one machine', { open, together: true, more: lookupFaultScenarios });
