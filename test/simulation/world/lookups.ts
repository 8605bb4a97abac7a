import type { ChainDefinition, LookupDefinition, StepDefinition } from '../../../lib/chain/definition.ts';
import { done, notDone, unknown } from '../../../lib/chain/request/answer.ts';
import type { Reply } from '../../../lib/chain/request/verdict.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import type { Subject } from './chains.ts';

/** What the target is called that is asked what became of a call, where the target of the step has the step's name. */
export const lookupTarget = (step: string): string => `lookup-${step}`;

export const isLookupTarget = (target: string): boolean => target.startsWith('lookup-');

type LookupOptions = Pick<LookupDefinition, 'retries' | 'timeout'>;

/** How a step's target is asked. Nonsense is no answer, and what is no JSON makes it throw. */
export const lookupOf = (step: string, options: LookupOptions): LookupDefinition => ({
  ...options,
  backoff: { base: 8, cap: 300 },
  targets: [lookupTarget(step)],
  read: 'json',
  request: ({ idempotencyKey }) => ({
    target: lookupTarget(step),
    method: 'GET',
    path: `/calls?key=${encodeURIComponent(idempotencyKey)}`,
  }),
  reply: answerOf,
});

function answerOf({ status, body }: Reply): unknown {
  if (status === 404 || status === 410) return notDone();
  const said: unknown = typeof body === 'object' && body !== null && 'acted' in body ? body.acted : undefined;
  if (said === undefined) throw new Error(`that is no answer: ${JSON.stringify(body)}`);
  if (said === 'yes')
    return done(typeof body === 'object' && body !== null && 'result' in body ? body.result : undefined);
  return said === 'no' ? notDone() : said === 'unclear' ? unknown() : said;
}

/** The same chain, of which these steps have such lookups. */
export const withLookup = (
  chain: ChainDefinition,
  optionsOf: (step: StepDefinition) => Partial<StepDefinition>,
): ChainDefinition =>
  Object.freeze({
    ...chain,
    steps: Object.freeze(chain.steps.map((step) => Object.freeze({ ...step, ...optionsOf(step) }))),
  });

const TIMEOUTS = [0.5, 2, 5, 15];
const LATE_BY = [0, 1, 20, 60, 300];

/**
 * Of some chains some steps have lookups: their targets can be asked what became of a call. Of others nothing is changed.
 * @param share of the chains that have any
 * @param chance of its own, so that the schedules of all others stay what they are
 */
export function withLookups(subject: Subject, share: number, chance: Chance): Subject {
  const { chain } = subject;
  if (!chance.happens(share) || chain.name !== 'simulated') return subject;
  const asked = chance.pick([1, 1, 0.5]);
  const lateBy = chance.pick(LATE_BY);
  // Steps that are soon given up are in doubt more often.
  const mostRetries = chance.pick([0, 0, 1, 3]);
  const odd = chance.pick([0, 0, 0.1, 0.5]);
  const [first] = chain.steps;
  const looking = withLookup(chain, (step) => {
    if (step.name !== first?.name && !chance.happens(asked)) return {};
    const lookup = lookupOf(step.name, {
      retries: chance.pick([0, 1, 1, 3]),
      timeout: chance.pick(TIMEOUTS),
    });
    return { lookup, retries: step.pivot ? 0 : Math.min(step.retries, mostRetries), lateBy };
  });
  return {
    ...subject,
    chain: looking,
    lookups: {
      nothing: chance.pick([200, 404, 410] as const),
      odd: () => (chance.happens(odd) ? chance.pick(['unclear', 'unclear', 'misfit'] as const) : undefined),
    },
  };
}
