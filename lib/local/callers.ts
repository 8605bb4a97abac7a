import type { StepDefinition } from '../chain/definition.ts';
import type { Registry } from '../chain/registry.ts';
import { KEY_FORMATS, writtenKey } from '../chain/request/key.ts';
import { CALL_HEADERS, DEFAULT_TENANT } from '../contract/names.ts';
import { secretsOf } from '../engine/mask.ts';
import type { Store } from '../engine/ports.ts';
import { undoneKey } from '../engine/request/seen.ts';
import { secretsInAll } from '../engine/sensitive/results.ts';
import type { Caller, Calls, FindCaller } from './demo/answers.ts';

/**
 * The idempotency key of a call: whatever stands in one of its headers as that target wants its keys written. `null` where none does: such a target takes
 * no key, and acts each time.
 */
export function keyIn(headers: Readonly<Record<string, unknown>>): string | null {
  const { [CALL_HEADERS.idempotencyKey]: plain, [CALL_HEADERS.callId]: id, ...others } = headers;
  if (typeof plain === 'string' && plain !== '') return plain;
  if (typeof id !== 'string') return null;
  const written = new Set(KEY_FORMATS.map((format) => writtenKey(id, format)));
  return (
    Object.values(others).find((value): value is string => typeof value === 'string' && written.has(value)) ??
    null
  );
}

/**
 * Finds the step that calls a demo target, by the headers that every call carries: the workflow in the store says which version of
 * which chain it is.
 */
export const callersIn =
  (chains: Registry, store: Pick<Store, 'load'>): FindCaller =>
  async (headers) => {
    const workflowId = String(headers[CALL_HEADERS.workflowId]);
    const [, stepName, action] = String(headers[CALL_HEADERS.callId]).split(':');
    const state = await store.load({ tenant: DEFAULT_TENANT, workflowId });
    if (state === undefined) return undefined;
    const { meta } = state;
    const chain = chains.find(meta.chain, meta.version);
    const step = chain?.steps.find(({ name }) => name === stepName);
    if (chain === undefined || step === undefined) return undefined;
    const secrets = [...secretsOf(meta.input, chain.sensitive), ...secretsInAll(chain, state)];
    const name = `${chain.name}/${step.name}`;
    const { undo, lookup, targets } = step;
    const calls = (): Calls => ({ key: undoneKey({ chain, step, state, action: 'undo' }), targets });
    if (action === 'undo' && undo !== undefined)
      return { name: `the undo of ${name}`, ...expecting(undo), secrets, undoes: calls() };
    if (action === 'lookup' && lookup !== undefined)
      return { name: `the lookup of ${name}`, ...expecting(step), secrets, looksUp: calls() };
    return { name, ...expecting(step), secrets };
  };

/** That of code is of what the code returns. */
const expecting = ({ run, response, read }: Expecting): Pick<Caller, 'response' | 'read'> => ({
  response: run === undefined ? response : undefined,
  read,
});
type Expecting = Pick<StepDefinition, 'run' | 'response' | 'read'>;
