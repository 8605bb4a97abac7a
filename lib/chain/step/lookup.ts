import { type Options, optionsOf } from '../check.ts';
import type { LookupDefinition, StepDefinition } from '../definition.ts';
import { DefinitionError, type Place, show } from '../definition-error.ts';
import { triesOf } from './call.ts';
import { readIn } from './reply.ts';
import { optionIn, type Site } from './site.ts';
import { calledBy, isRequest } from './work.ts';

const LOOKUP_OPTIONS = ['request', 'reply', 'targets', 'read', 'retries', 'timeout', 'backoff'] as const;

/** Both are needed. */
const EXAMPLES = {
  request: "request: ({ idempotencyKey }) => payments.get('/charges', { query: { key: idempotencyKey } })",
  reply: 'reply: ({ status, body }) => (status === 404 ? notDone() : done(body))',
} as const;

/** What else is said of a call, and what to do about it in a lookup. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['run', `A lookup asks by one request. Write ${EXAMPLES.request}.`],
  ['secrets', 'Leave it out: it is for run, and the secrets of a target are in its settings.'],
  ['response', 'Leave it out: the response of the step checks what reply gives to done(…).'],
  ['sensitive', 'Leave it out: the fields that the step names are sensitive in what done(…) is given, too.'],
  [
    'statuses',
    'Leave it out: reply says what 2xx, 404 and 410 mean; any other status is tried again, or ends the lookup without an answer.',
  ],
  ['idempotency', 'Leave it out: a lookup never acts, and its request carries no key.'],
  ['lateBy', 'Write it in the step, or in the target that the step calls: a lookup never acts.'],
]);

/** How a step's target is asked what became of its call, from what a caller wrote. Errors: `DefinitionError`, whose options are named `lookup.…`. */
export function lookupOf(place: Place, written: unknown): Pick<StepDefinition, 'lookup'> {
  if (written === undefined) return {};
  const site: Site = { ...place, within: 'lookup' };
  const given = optionsOf(site, 'lookup', written, LOOKUP_OPTIONS, INSTEAD);
  const request = needed(site, given, 'request', isRequest);
  const lookup: LookupDefinition = {
    request,
    reply: needed(site, given, 'reply', isReply),
    targets: calledBy(site, request, given.targets)?.targets,
    read: readIn(site, given.read),
    ...triesOf(site, given),
  };
  return { lookup: Object.freeze(lookup) };
}

function needed<Wanted>(
  site: Site,
  given: Options,
  option: keyof typeof EXAMPLES,
  fits: (value: unknown) => value is Wanted,
): Wanted {
  const value = given[option];
  if (fits(value)) return value;
  throw new DefinitionError(
    site,
    value === undefined
      ? `lookup has no ${option}`
      : `${optionIn(site, option)} is ${show(value)}, not a function`,
    `Write ${EXAMPLES[option]}.`,
  );
}

const isReply = (value: unknown): value is LookupDefinition['reply'] => typeof value === 'function';
