import type { TypedChain } from '../chain/types.ts';
import { ROUTES, START_IDEMPOTENCY_HEADER } from '../contract/names.ts';
import type { StartAnswer } from '../contract/wire.ts';
import { type Ask, createExchange, type Exchange } from './exchange.ts';
import { type ClientOptions, settled } from './options.ts';
import type { Client, ListedWorkflow, ListFilter } from './types.ts';
import { handleOf, readAs } from './workflow.ts';

/**
 * A client of a stage. It knows chains by their types alone, which `import type` brings: none of their code comes along. It repeats by
 * itself what is safe to repeat, which is reads and starts with a key: after no answer, 429 and 5xx, and no sooner than `Retry-After` says.
 * @typeParam Chains `typeof orderProcessing`, or several: `typeof orderProcessing | typeof refunds`
 * @param url of the API, such as `https://a1b2c3d4.execute-api.eu-central-1.amazonaws.com`
 * Errors: `TypeError` for what is no address.
 * @example
 * import type { orderProcessing } from '../functions/chains/order-processing.ts';
 * const client = stepline<typeof orderProcessing>('http://localhost:3000');
 * const order = await client.start('order-processing', input, { idempotencyKey: 'order-17' });
 * const { trackingId } = await order.wait({ timeout: 60 });
 */
export function stepline<Chains extends TypedChain = TypedChain>(
  url: string,
  options: ClientOptions = {},
): Client<Chains> {
  const decided = settled(options);
  const exchange = createExchange(url, decided);
  return {
    start: async (chain, input, { idempotencyKey: given, signal } = {}) => {
      const idempotencyKey = given === false ? undefined : (given ?? crypto.randomUUID());
      const ask: Ask = {
        ...{ ...ROUTES.startNamed, query: { chain }, body: input, signal },
        repeatable: idempotencyKey !== undefined,
        ...(idempotencyKey === undefined ? {} : { headers: { [START_IDEMPOTENCY_HEADER]: idempotencyKey } }),
      };
      const { workflowId, status } = readAs(ask, await exchange(ask), isStarted);
      return {
        ...handleOf(exchange, decided, workflowId),
        status,
        idempotencyKey,
        keyMade: given === undefined,
      };
    },
    workflow: (workflowId) => handleOf(exchange, decided, workflowId),
    list: (filter) => pages(exchange, filter),
  };
}

const isStarted = (json: object): json is StartAnswer =>
  'workflowId' in json && typeof json.workflowId === 'string' && 'status' in json;

interface Page<Chains extends TypedChain> {
  readonly workflows: readonly ListedWorkflow<Chains>[];
  readonly nextCursor: string | null;
}
const isPage = <Chains extends TypedChain>(json: object): json is Page<Chains> =>
  'workflows' in json && Array.isArray(json.workflows) && 'nextCursor' in json;

async function* pages<Chains extends TypedChain>(
  exchange: Exchange,
  { chain, status, limit, signal }: ListFilter<Chains> = {},
): AsyncGenerator<ListedWorkflow<Chains>, void, undefined> {
  let cursor: string | undefined;
  do {
    const query = { chain, status, limit: limit?.toString(), cursor };
    const ask: Ask = { ...ROUTES.list, query, repeatable: true, signal };
    const page = readAs(ask, await exchange(ask), isPage<Chains>);
    yield* page.workflows;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
