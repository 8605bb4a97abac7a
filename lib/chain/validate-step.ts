import { LIMITS } from '../contract/limits.ts';
import { type Called, calledTargets } from './calls.ts';
import { fieldsOf, numberIn, type Options, optionsOf, schemaOf, textsOf } from './check.ts';
import {
  type Backoff,
  type ChainDefinition,
  MEANINGS,
  READS,
  type Statuses,
  type StepDefinition,
} from './definition.ts';
import { DefinitionError, type Place, show } from './definition-error.ts';
import { secretName, stepName, targetName } from './naming.ts';
import { keyLifetimeIn, keyUseOf } from './request/key.ts';
import { didYouMean } from './suggest.ts';
import type { Target } from './target.ts';

/** Settings that a step has where its definition leaves them out. Times in seconds. */
export const STEP_DEFAULTS = { retries: LIMITS.retriesDefault, timeout: 30, batchSize: 1 } as const;

const STEP_OPTIONS = [
  'request',
  'run',
  'targets',
  'secrets',
  'response',
  'sensitive',
  'read',
  'reply',
  'statuses',
  'after',
  'retries',
  'timeout',
  'backoff',
  'batchSize',
  'concurrency',
  'idempotency',
] as const;

const RETRIES = { least: 0, most: LIMITS.retries, whole: true };
const TIMEOUT = {
  least: 0,
  above: true,
  most: LIMITS.stepTimeout,
  whole: false,
  unit: 'seconds',
  why: 'a Lambda function ends after 900 s, and needs some of them before and after the call',
} as const;
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
  const response = given.response === undefined ? undefined : schemaOf(place, 'response', given.response);
  return Object.freeze({
    name,
    after: predecessors(place, chain, given.after),
    ...work(place, given),
    response,
    sensitive: sensitiveOf(place, given.sensitive ?? [], response),
    read: readOf(place, given),
    ...meaningOf(place, given),
    retries: numberIn(place, 'retries', given.retries ?? STEP_DEFAULTS.retries, RETRIES),
    timeout: numberIn(place, 'timeout', given.timeout ?? STEP_DEFAULTS.timeout, TIMEOUT),
    backoff: backoffOf(place, given.backoff),
    batchSize: numberIn(place, 'batchSize', given.batchSize ?? STEP_DEFAULTS.batchSize, BATCH_SIZE),
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

const EXAMPLES = {
  request: "request: ({ input }) => payments.post('/charges', { … })",
  run: 'run: async () => …',
} as const;

function work(
  place: Place,
  { request, run, targets, secrets, idempotency }: Options,
): Pick<StepDefinition, 'request' | 'run' | 'targets' | 'secrets' | 'keyLifetime'> {
  const own = keyLifetimeIn(place, idempotency);
  const one = `Write one of the two: ${EXAMPLES.request}, or ${EXAMPLES.run}.`;
  if (request !== undefined && run !== undefined) {
    throw new DefinitionError(place, 'it has both request and run', one);
  }
  if (request === undefined && run === undefined) {
    throw new DefinitionError(place, 'it has neither request nor run', one);
  }
  if (isRequest(request)) {
    if (secrets !== undefined) {
      throw new DefinitionError(
        place,
        'it has both request and secrets',
        'Leave secrets out: they are for run steps, and the secrets of a target are in its settings.',
      );
    }
    const called = targets === undefined ? calledTargets(request) : targetsOf(place, targets);
    return {
      request,
      targets: called?.targets,
      secrets: [],
      keyLifetime: own ?? called?.keyLifetime ?? LIMITS.keyLifetime,
    };
  }
  if (isRun(run)) {
    const called = targets === undefined ? undefined : targetsOf(place, targets);
    return {
      run,
      targets: called?.targets ?? [],
      secrets: secrets === undefined ? [] : textsOf(place, 'secrets', secrets).map(secretName),
      keyLifetime: own ?? called?.keyLifetime ?? LIMITS.keyLifetime,
    };
  }
  const [option, value] = request === undefined ? (['run', run] as const) : (['request', request] as const);
  throw new DefinitionError(
    place,
    `${option} is ${show(value)}, not a function`,
    `Write ${EXAMPLES[option]}.`,
  );
}

/** The targets that a definition names: by their names, or as `target()` made them, which may know how long they remember a key. */
function targetsOf(place: Place, written: unknown): Called {
  const given = Array.isArray(written) ? written : [];
  const names = textsOf(place, 'targets', Array.isArray(written) ? given.map(nameOf) : written).map(
    targetName,
  );
  if (names.length === 0) {
    throw new DefinitionError(
      place,
      'targets is empty',
      "Name every target that the step may call: targets: ['payments'].",
    );
  }
  const lifetimes = given.map((one) => keyUseOf(isTarget(one) ? one.idempotency : undefined).lifetime);
  return { targets: names, keyLifetime: Math.min(...lifetimes) };
}

const isTarget = (value: unknown): value is Pick<Target, 'name' | 'idempotency'> =>
  typeof value === 'object' && value !== null && 'name' in value && 'idempotency' in value;

const nameOf = (one: unknown): unknown => (isTarget(one) ? one.name : one);

const isRequest = (value: unknown): value is NonNullable<StepDefinition['request']> =>
  typeof value === 'function';
const isRun = (value: unknown): value is NonNullable<StepDefinition['run']> => typeof value === 'function';

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

function readOf(place: Place, { read, run, response }: Options): StepDefinition['read'] {
  if (read === undefined) return 'json';
  const known = READS.find((one) => one === read);
  if (known === undefined) {
    throw new DefinitionError(place, `read is ${show(read)}`, "Write read: 'json' or read: 'text'.");
  }
  if (run !== undefined) {
    throw new DefinitionError(
      place,
      'it has both run and read',
      'Leave read out: it is for the replies of request steps, and run reads what it calls itself.',
    );
  }
  if (response !== undefined) return known;
  throw new DefinitionError(
    place,
    'it has read, but no response, without which nothing of the reply is stored',
    `Add a schema, such as response: ${known === 'text' ? 'z.string()' : 'z.object({ … })'}.`,
  );
}

/** What is said of replies. */
function meaningOf(
  place: Place,
  { reply, statuses, run }: Options,
): Pick<StepDefinition, 'reply' | 'statuses'> {
  for (const [option, value] of Object.entries({ reply, statuses })) {
    if (value === undefined || run === undefined) continue;
    throw new DefinitionError(
      place,
      `it has both run and ${option}`,
      `Leave ${option} out: it is for the replies of request steps, and run reads what it calls itself.`,
    );
  }
  const known = statuses === undefined ? undefined : statusesIn(place, statuses);
  if (reply === undefined) return { statuses: known };
  if (isReplyFunction(reply)) return { reply, statuses: known };
  throw new DefinitionError(
    place,
    `reply is ${show(reply)}, not a function`,
    'Write reply: ({ status, headers, body }, next) => next().',
  );
}

const isReplyFunction = (value: unknown): value is NonNullable<StepDefinition['reply']> =>
  typeof value === 'function';

function statusesIn(place: Place, written: unknown): Statuses {
  const example = "Write such as statuses: { 404: 'done' }; each is 'done', 'later' or 'refused'.";
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new DefinitionError(place, `statuses is ${show(written)}`, example);
  }
  return Object.fromEntries(
    Object.entries(written).map(([status, said]) => {
      if (!/^[2-5]\d\d$/.test(status)) {
        throw new DefinitionError(
          place,
          `statuses names ${show(status)}, which is no status of a reply`,
          example,
        );
      }
      const meaning = MEANINGS.find((one) => one === said);
      if (meaning === undefined) {
        throw new DefinitionError(place, `statuses says that ${status} is ${show(said)}`, example);
      }
      return [status, meaning];
    }),
  );
}

function backoffOf(place: Place, written: unknown): Backoff {
  const { base, cap } = optionsOf(place, 'backoff', written ?? {}, ['base', 'cap']);
  const range = { least: 0, above: true, whole: false, unit: 'seconds' } as const;
  const from = numberIn(place, 'backoff.base', base ?? LIMITS.backoffBase, {
    ...range,
    most: LIMITS.backoffCapMost,
  });
  const upTo = numberIn(place, 'backoff.cap', cap ?? LIMITS.backoffCap, {
    ...range,
    most: LIMITS.backoffCapMost,
  });
  if (from <= upTo) return { base: from, cap: upTo };
  throw new DefinitionError(
    place,
    `backoff.base is ${from}, above backoff.cap, which is ${upTo}`,
    `Write a cap of ${from} or more: backoff: { base: ${from}, cap: ${from} }.`,
  );
}
