import { LIMITS } from '../contract/limits.ts';
import { RESERVED_OUTPUT_NAMES, ROUTES } from '../contract/names.ts';
import { fieldsOf, numberIn, type Options, optionsOf, schemaOf } from './check.ts';
import { type ChainDefinition, ON_FAILURE, type OnFailure } from './definition.ts';
import { DefinitionError, type Place, show } from './definition-error.ts';
import { kindOf } from './json-schema.ts';
import { chainName } from './naming.ts';
import { refuseWrongPivot } from './step/pivot.ts';
import { stepDefinition } from './step/step.ts';

const CHAIN_OPTIONS = [
  'version',
  'start',
  'input',
  'sensitive',
  'startKey',
  'onFailure',
  'keepFailed',
  'keepDays',
] as const;

/** A chain without steps, from what a caller wrote. Errors: `DefinitionError`. */
export function emptyChain(name: unknown, written: unknown): ChainDefinition {
  const place = { chain: chainName(name) };
  const options = optionsOf(place, 'a chain', written, CHAIN_OPTIONS);
  const version = { least: 1, most: Number.MAX_SAFE_INTEGER, whole: true };
  const limits = { least: LIMITS.keepDaysLeast, most: LIMITS.keepDaysMost, whole: true, unit: 'days' };
  const keepDays = numberIn(place, 'keepDays', options.keepDays ?? LIMITS.keepDays, limits);
  const keepFailed = options.keepFailed ?? Math.min(LIMITS.keepFailed, keepDays);
  return Object.freeze({
    name: place.chain,
    version: numberIn(place, 'version', options.version, version),
    start: startPath(place, options.start),
    ...inputOf(place, options),
    ...startKeyOf(place, options.startKey),
    steps: [],
    onFailure: onFailureOf(place, options.onFailure),
    keepFailed: numberIn(place, 'keepFailed', keepFailed, {
      least: 1,
      most: keepDays,
      whole: true,
      unit: 'days',
    }),
    keepDays,
  });
}

/** `chain` and one step more. Errors: `DefinitionError`. */
export function withStep(chain: ChainDefinition, name: unknown, written: unknown): ChainDefinition {
  if (chain.steps.length >= LIMITS.stepsPerChain) {
    throw new DefinitionError(
      { chain: chain.name, step: String(name) },
      `this is step ${LIMITS.stepsPerChain + 1}, and a chain has at most ${LIMITS.stepsPerChain}`,
      'Do several calls in one run step, or start a second chain from the last step.',
    );
  }
  const step = stepDefinition(chain, name, written);
  return Object.freeze({ ...chain, steps: Object.freeze([...chain.steps, step]) });
}

/** `chain` with its output function. Errors: `DefinitionError`. */
export function withOutput(chain: ChainDefinition, output: unknown): ChainDefinition {
  const place = { chain: chain.name };
  if (!isOutput(output)) {
    throw new DefinitionError(
      place,
      `output is ${show(output)}, not a function`,
      'Write .output(({ input, results }) => ({ … })).',
    );
  }
  probe(place, output);
  return finished({ ...chain, output });
}

/** `chain`, if it can run. Errors: `DefinitionError` when it has no steps, a pivot that cannot be, or nothing to undo where it is to. */
export function finished(chain: ChainDefinition): ChainDefinition {
  refuseWithoutSteps(chain);
  refuseWrongPivot(chain);
  refuseWithoutUndo(chain);
  return Object.freeze(chain);
}

/** Errors: `DefinitionError` when `chain` has no steps. */
export function refuseWithoutSteps({ name, steps }: ChainDefinition): void {
  if (steps.length > 0) return;
  throw new DefinitionError(
    { chain: name },
    'it has no steps',
    "Add at least one: .step('payment', { request: … }).",
  );
}

function refuseWithoutUndo({ name, onFailure, steps }: ChainDefinition): void {
  if (onFailure === 'stop' || steps.some(({ undo }) => undo !== undefined)) return;
  throw new DefinitionError(
    { chain: name },
    'onFailure is "undo", but no step has an undo',
    "Write one in each step that is to be taken back, such as undo: { request: ({ undone }) => payments.post('/refunds', { chargeKey: undone.idempotencyKey }) }; or leave onFailure out, and a failed workflow waits for a person.",
  );
}

function onFailureOf(place: Place, written: unknown): OnFailure {
  if (written === undefined) return 'stop';
  const known = ON_FAILURE.find((one) => one === written);
  if (known !== undefined) return known;
  throw new DefinitionError(
    place,
    `onFailure is ${show(written)}`,
    "Write onFailure: 'undo', so that a failed workflow is taken back, or onFailure: 'stop', so that it waits for a person.",
  );
}

const START_PATH = /^\/api(\/[a-z0-9-]+)+$/;

function startPath(place: Place, start: unknown): string {
  const example = `Write a path such as "/api/${place.chain}".`;
  if (typeof start !== 'string' || !START_PATH.test(start)) {
    throw new DefinitionError(
      place,
      `start is ${show(start)}, which is not a path below /api/ of lower-case letters, digits and hyphens`,
      example,
    );
  }
  if (`${start}/`.startsWith(`${ROUTES.list.path}/`)) {
    throw new DefinitionError(
      place,
      `start is "${start}", but ${ROUTES.list.path} and all paths below it are where workflows are read`,
      example,
    );
  }
  return start;
}

function inputOf(place: Place, options: Options): Pick<ChainDefinition, 'input' | 'sensitive'> {
  const input = schemaOf(place, 'input', options.input);
  const { def } = input._zod;
  if (
    kindOf(input) !== 'object' ||
    !('shape' in def) ||
    typeof def.shape !== 'object' ||
    def.shape === null
  ) {
    throw new DefinitionError(
      place,
      `input is a schema of kind "${kindOf(input)}", not of an object`,
      'A start request is a JSON object. Write z.strictObject({ … }).',
    );
  }
  const sensitive = fieldsOf(place, 'sensitive', options.sensitive ?? [], { what: 'input', schema: input });
  return { input, sensitive };
}

type StartKey = NonNullable<ChainDefinition['startKey']>;

const isStartKey = (value: unknown): value is StartKey => typeof value === 'function';

function startKeyOf(place: Place, startKey: unknown): Pick<ChainDefinition, 'startKey'> {
  if (startKey === undefined) return {};
  if (isStartKey(startKey)) return { startKey };
  throw new DefinitionError(
    place,
    `startKey is ${show(startKey)}, not a function`,
    "Write startKey: ({ headers }) => headers['x-event-id'], or a field of the input: ({ input }) => input.eventId.",
  );
}

type Output = NonNullable<ChainDefinition['output']>;

const isOutput = (value: unknown): value is Output => typeof value === 'function';

/** Calls an output function once, without input and results, to check the names that it returns. */
function probe(place: Place, output: Output): void {
  let shown: unknown;
  try {
    shown = output({ input: {}, results: {} });
  } catch {
    // It reads from the input, which is empty here. At a read the engine shows nothing for an output that throws.
    return;
  }
  if (typeof shown !== 'object' || shown === null || Array.isArray(shown) || 'then' in shown) {
    throw new DefinitionError(
      place,
      `output returns ${shown instanceof Promise ? 'a promise' : show(shown)}, not an object`,
      'Write a function that is not async and returns an object: ({ results }) => ({ orderId: results.payment?.orderId ?? null }).',
    );
  }
  const reserved = RESERVED_OUTPUT_NAMES.find((name) => Object.hasOwn(shown, name));
  if (reserved === undefined) return;
  throw new DefinitionError(
    place,
    `output returns "${reserved}", a field that every answer has already`,
    `Choose another name. These are taken: ${RESERVED_OUTPUT_NAMES.join(', ')}.`,
  );
}
