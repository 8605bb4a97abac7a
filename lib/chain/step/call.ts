import { LIMITS } from '../../contract/limits.ts';
import { numberIn, type Options, optionsOf, schemaOf } from '../check.ts';
import type { Backoff, StepDefinition } from '../definition.ts';
import { DefinitionError } from '../definition-error.ts';
import { meaningOf, readOf } from './reply.ts';
import { type CallSite, optionIn, type Site } from './site.ts';
import { work } from './work.ts';

/** What is said of a call, be it that of a step or that of its undo. */
export const CALL_OPTIONS = [
  'request',
  'run',
  'targets',
  'secrets',
  'response',
  'read',
  'reply',
  'statuses',
  'retries',
  'timeout',
  'backoff',
  'idempotency',
] as const;

/** Seconds for a call that says nothing else. */
const TIMEOUT_DEFAULT = 30;
const RETRIES = { least: 0, most: LIMITS.retries, whole: true };
const TIMEOUT = {
  least: 0,
  above: true,
  most: LIMITS.stepTimeout,
  whole: false,
  unit: 'seconds',
  why: 'a Lambda function ends after 900 s, and needs some of them before and after the call',
} as const;

type Tries = Pick<StepDefinition, 'retries' | 'timeout' | 'backoff'>;

/** How a call is made, and what becomes of its end. */
type Call = ReturnType<typeof work> &
  Pick<StepDefinition, 'response' | 'read' | 'reply' | 'statuses'> &
  Tries;

/** A call, from the options that a caller wrote. Errors: `DefinitionError`. */
export function callOf(site: CallSite, given: Options): Call {
  const { response } = given;
  return {
    ...work(site, given),
    response: response === undefined ? undefined : schemaOf(site, optionIn(site, 'response'), response),
    read: readOf(site, given),
    ...meaningOf(site, given),
    ...triesOf(site, given),
  };
}

/** How often and for how long a call, or a lookup, is tried. Errors: `DefinitionError`. */
export const triesOf = (site: Site, { retries, timeout, backoff }: Options): Tries => ({
  retries: numberIn(site, optionIn(site, 'retries'), retries ?? LIMITS.retriesDefault, RETRIES),
  timeout: numberIn(site, optionIn(site, 'timeout'), timeout ?? TIMEOUT_DEFAULT, TIMEOUT),
  backoff: backoffOf(site, backoff),
});

function backoffOf(site: Site, written: unknown): Backoff {
  const option = optionIn(site, 'backoff');
  const { base, cap } = optionsOf(site, option, written ?? {}, ['base', 'cap']);
  const range = { least: 0, above: true, whole: false, unit: 'seconds' } as const;
  const from = numberIn(site, `${option}.base`, base ?? LIMITS.backoffBase, {
    ...range,
    most: LIMITS.backoffCapMost,
  });
  const upTo = numberIn(site, `${option}.cap`, cap ?? LIMITS.backoffCap, {
    ...range,
    most: LIMITS.backoffCapMost,
  });
  if (from <= upTo) return { base: from, cap: upTo };
  throw new DefinitionError(
    site,
    `${option}.base is ${from}, above ${option}.cap, which is ${upTo}`,
    `Write a cap of ${from} or more: backoff: { base: ${from}, cap: ${from} }.`,
  );
}
