import { bundleSimulator } from '../bundle.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { runJobs } from '../pool.ts';
import type { Outcome } from '../simulate.ts';

/** Schedules over the adapters that are run at every change, from seed 1 on; each mutant is to be caught within as many, of which some begin later. */
export const ADAPTER_SEEDS = 250;

const STORE = 'lib/adapters/dynamodb/store.ts';
const TABLE = 'lib/adapters/dynamodb/table.ts';
const SENDER = 'lib/adapters/sqs/sender.ts';

interface AdapterMutant extends Mutant {
  /** The first seed of the schedules that look for it. */
  readonly from: number;
}

const mutant = (name: string, file: string, replace: string, by: string, from = 1): AdapterMutant => ({
  name,
  mutations: [{ file, replace, by }],
  from,
});

/** Adapters that are wrong in one way. */
export const ADAPTER_MUTANTS: readonly AdapterMutant[] = [
  mutant(
    'a first claim is written without condition',
    STORE,
    `'absent' in expected ? ABSENT : equals`,
    `'absent' in expected
    ? { ...ABSENT, text: 'attribute_not_exists(#pk) OR attribute_exists(#pk)' }
    : equals`,
  ),
  mutant(
    'the token of a step is not compared',
    STORE,
    'equals({ status: expected.status, token: expected.token })',
    'equals({ status: expected.status })',
  ),
  mutant(
    'only the first page of a workflow is read',
    STORE,
    'while (page.LastEvaluatedKey !== undefined);',
    'while (page.Items === undefined);',
  ),
  mutant(
    'a workflow is read without strong consistency',
    STORE,
    'ConsistentRead: true',
    'ConsistentRead: false',
  ),
  mutant(
    'an entry that SQS failed counts as sent',
    SENDER,
    'sent.has(id) ? entry.resolve() : sendAgain(client, url, entry, failures.get(id));',
    `sent.has(id) || failures.has(id)
          ? entry.resolve()
          : sendAgain(client, url, entry, failures.get(id));`,
  ),
  mutant(
    'a batch that fails counts as sent',
    SENDER,
    'for (const entry of entries) entry.reject(unavailable(url, error));',
    'for (const entry of entries) (void unavailable(url, error), entry.resolve());',
    // What is lost so is sent again by the reconciler, but for what is lost in the same moment as other things.
    401,
  ),
  mutant(
    'statuses that a batch left unread are not asked for again',
    TABLE,
    'left = output.UnprocessedKeys?.[tableName]?.Keys ?? [];',
    'left = [];',
  ),
];

/** Runs schedules against a mutant. @returns the first that catches it; undefined if none does */
export async function huntAdapters(mutant: AdapterMutant): Promise<Outcome | undefined> {
  const name = `adapter-mutant-${ADAPTER_MUTANTS.indexOf(mutant)}`;
  const bundle = await bundleSimulator(name, mutant.mutations, 'adapters/thread.ts');
  const job = { kind: 'seeds', from: mutant.from, count: ADAPTER_SEEDS, until: 'violation' } as const;
  const [answer] = await runJobs(bundle, [job], { threads: 1 });
  return answer?.kind === 'seeds' ? answer.broken[0] : undefined;
}
