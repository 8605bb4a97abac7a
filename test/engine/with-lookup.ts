import type { ChainDefinition, LookupDefinition, RequestContext } from '../../lib/chain/definition.ts';

/** How a step is asked for: at the path of its name, by the key that was sent. */
const LOOKUP: Omit<LookupDefinition, 'request'> = {
  reply: () => undefined,
  targets: ['api'],
  read: 'json',
  retries: 2,
  timeout: 30,
  backoff: { base: 1, cap: 1 },
};

/** The same chain, the targets of whose steps can be asked what became of a call. */
export const withLookup = (
  chain: ChainDefinition,
  changes: Partial<LookupDefinition> = {},
): ChainDefinition => ({
  ...chain,
  steps: chain.steps.map((step) => ({
    ...step,
    lookup: {
      ...LOOKUP,
      request: ({ idempotencyKey }: RequestContext) => ({
        target: 'api',
        method: 'GET' as const,
        path: `/${step.name}?key=${idempotencyKey}`,
      }),
      ...changes,
    },
  })),
});
