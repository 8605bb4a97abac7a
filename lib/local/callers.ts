import type { Registry } from '../chain/registry.ts';
import { CALL_HEADERS, DEFAULT_TENANT } from '../contract/names.ts';
import { secretsOf } from '../engine/mask.ts';
import type { Store } from '../engine/ports.ts';
import { secretsInAll } from '../engine/sensitive/results.ts';
import type { FindCaller } from './demo/answers.ts';

/**
 * Finds the step that calls a demo target, by the headers that every call carries: the workflow in the store says which version of
 * which chain it is.
 */
export const callersIn =
  (chains: Registry, store: Pick<Store, 'load'>): FindCaller =>
  async (headers) => {
    const workflowId = String(headers[CALL_HEADERS.workflowId]);
    const [, stepName] = String(headers[CALL_HEADERS.idempotencyKey]).split(':');
    const state = await store.load({ tenant: DEFAULT_TENANT, workflowId });
    if (state === undefined) return undefined;
    const { meta } = state;
    const chain = chains.find(meta.chain, meta.version);
    const step = chain?.steps.find(({ name }) => name === stepName);
    if (chain === undefined || step === undefined) return undefined;
    return {
      name: `${chain.name}/${step.name}`,
      response: step.response,
      read: step.read,
      secrets: [...secretsOf(meta.input, chain.sensitive), ...secretsInAll(chain, state)],
    };
  };
