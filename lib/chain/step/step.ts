import { LIMITS } from '../../contract/limits.ts';
import { fieldsOf, numberIn, optionsOf, textsOf } from '../check.ts';
import type { ChainDefinition, StepDefinition } from '../definition.ts';
import { DefinitionError, type Place, show } from '../definition-error.ts';
import { stepName } from '../naming.ts';
import { didYouMean } from '../suggest.ts';
import { CALL_OPTIONS, callOf } from './call.ts';
import { lookupOf } from './lookup.ts';
import { undoOf } from './undo.ts';

const STEP_OPTIONS = [
  ...CALL_OPTIONS,
  'sensitive',
  'after',
  'when',
  'lookup',
  'undo',
  'pivot',
  'lateBy',
  'batchSize',
  'concurrency',
] as const;

const BATCH_SIZE = { least: 1, most: LIMITS.batchSize, whole: true };
const CONCURRENCY = {
  least: LIMITS.concurrencyLeast,
  most: LIMITS.concurrencyMost,
  whole: true,
  why: 'it is the maxConcurrency of an SQS event source mapping, which AWS does not allow below 2',
};

/** The next step of `chain`, from what a caller wrote. Errors: `DefinitionError`. */
export function stepDefinition(chain: ChainDefinition, written: unknown, options: unknown): StepDefinition {
  const name = newName(chain, written);
  const place = { chain: chain.name, step: name };
  const given = optionsOf(place, 'a step', options, STEP_OPTIONS);
  const call = callOf(place, given);
  return Object.freeze({
    name,
    after: predecessors(place, chain, given.after),
    ...call,
    sensitive: sensitiveOf(place, given.sensitive ?? [], call.response),
    ...whenOf(place, given.when),
    ...lookupOf(place, given.lookup),
    undo: undoOf(place, given.undo),
    pivot: pivotOf(place, given.pivot),
    batchSize: numberIn(place, 'batchSize', given.batchSize ?? 1, BATCH_SIZE),
    concurrency:
      given.concurrency === undefined
        ? undefined
        : numberIn(place, 'concurrency', given.concurrency, CONCURRENCY),
  });
}

function newName(chain: ChainDefinition, written: unknown): string {
  const name = stepName({ chain: chain.name }, written);
  const twin = chain.steps.find((step) => step.name.toLowerCase() === name.toLowerCase());
  if (twin === undefined) return name;
  throw new DefinitionError(
    { chain: chain.name, step: name },
    twin.name === name
      ? 'the chain has a step with this name already'
      : `its name differs only in case from that of the step "${twin.name}", and some names on AWS ignore case`,
    `Give one of the two another name, such as "${name.slice(0, LIMITS.stepNameLength - 2).replace(/-$/, '')}-2".`,
  );
}

/** The steps that the next one follows: those it names, or else the one declared before it. */
function predecessors(place: Place, chain: ChainDefinition, after: unknown): readonly string[] {
  const earlier = chain.steps.map(({ name }) => name);
  if (after === undefined) return earlier.slice(-1);
  const names = textsOf(place, 'after', after);
  for (const name of names) {
    if (earlier.includes(name)) continue;
    if (name === place.step) {
      throw new DefinitionError(
        place,
        'after names the step itself',
        'Name steps above it, or write after: [] for none.',
      );
    }
    const known =
      earlier.length === 0
        ? 'There is no step above this one: leave after out'
        : `Steps above this one: ${earlier.join(', ')}`;
    throw new DefinitionError(
      place,
      `after names "${name}", but no step above this one has that name`,
      `${didYouMean(name, earlier)}${known}. If the step is further down, move it up.`,
    );
  }
  return names;
}

function sensitiveOf(
  place: Place,
  written: unknown,
  response: StepDefinition['response'],
): readonly string[] {
  if (response !== undefined)
    return fieldsOf(place, 'sensitive', written, { what: 'response', schema: response });
  if (textsOf(place, 'sensitive', written).length === 0) return [];
  throw new DefinitionError(
    place,
    'it has sensitive, but no response, whose fields these are',
    'Add a schema: response: z.object({ … }).',
  );
}

type When = NonNullable<StepDefinition['when']>;

const isWhen = (value: unknown): value is When => typeof value === 'function';

function whenOf(place: Place, when: unknown): Pick<StepDefinition, 'when'> {
  if (when === undefined) return {};
  if (isWhen(when)) return { when };
  throw new DefinitionError(
    place,
    `when is ${show(when)}, not a function`,
    'Write such as when: ({ input }) => input.giftWrap; leave it out where the step is always needed.',
  );
}

function pivotOf(place: Place, pivot: unknown): boolean {
  if (pivot === undefined) return false;
  if (typeof pivot === 'boolean') return pivot;
  throw new DefinitionError(place, `pivot is ${show(pivot)}`, 'Write pivot: true, or leave it out.');
}
