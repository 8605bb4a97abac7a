import { startLocal } from '../../lib/local/process.ts';
import { chains } from '../support/shipped-chains.ts';
import { fixtureChains } from './fixture-chains.ts';
import { scenarios } from './scenarios.ts';
import type { Stage } from './stage.ts';

async function open(): Promise<Stage> {
  const local = await startLocal(
    [...chains, ...fixtureChains],
    {
      port: 0,
      data: undefined,
      acceptLoss: false,
      sample: false,
      targets: undefined,
      demo: [],
      allowedOrigins: [],
      logLevel: 'silent',
    },
    { readable: false, say: () => undefined },
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

scenarios('on one machine', { open, together: true });
