import { LIMITS } from '../../contract/limits.ts';
import { type Called, calledTargets } from '../calls.ts';
import { numberIn, type Options, textsOf } from '../check.ts';
import type { StepDefinition } from '../definition.ts';
import { DefinitionError, show } from '../definition-error.ts';
import { secretName, targetName } from '../naming.ts';
import { keyLifetimeIn, keyUseOf } from '../request/key.ts';
import { LATE_BY, type Target } from '../target.ts';
import { type CallSite, optionIn, ownerIn, type Site } from './site.ts';

const EXAMPLES = {
  step: {
    request: "request: ({ input }) => payments.post('/charges', { … })",
    run: 'run: async () => …',
  },
  undo: {
    request: "request: ({ undone }) => payments.post('/refunds', { … })",
    run: 'run: async ({ undone }) => …',
  },
} as const;

type Work = Pick<StepDefinition, 'request' | 'run' | 'targets' | 'secrets' | 'keyLifetime' | 'lateBy'>;

/** What a call does, and what it may use. Errors: `DefinitionError`. */
export function work(site: CallSite, given: Options): Work {
  const { request, run, targets, secrets } = given;
  refuseUnlessOne(site, given);
  if (isRequest(request)) {
    refuseSecrets(site, secrets);
    const called = calledBy(site, request, targets);
    return {
      request,
      targets: called?.targets,
      secrets: [],
      ...timesOf(site, given, called),
    };
  }
  if (isRun(run)) {
    const called = targets === undefined ? undefined : targetsOf(site, targets);
    return {
      run,
      targets: called?.targets ?? [],
      secrets: secretsOf(site, secrets),
      ...timesOf(site, given, called),
    };
  }
  const [option, value] = request === undefined ? (['run', run] as const) : (['request', request] as const);
  throw new DefinitionError(
    site,
    `${optionIn(site, option)} is ${show(value)}, not a function`,
    `Write ${EXAMPLES[site.within ?? 'step'][option]}.`,
  );
}

/** The targets of a request: those that are written, or else those that it shows. Errors: `DefinitionError`. */
export const calledBy = (site: Site, request: Request, targets: unknown): Called | undefined =>
  targets === undefined ? calledTargets(request) : targetsOf(site, targets);

/** What the targets of a call promise, which is what its options say, or else what they say themselves. */
function timesOf(
  site: Site,
  { idempotency, lateBy }: Options,
  called: Called | undefined,
): Pick<Work, 'keyLifetime' | 'lateBy'> {
  const lifetime = keyLifetimeIn(site, optionIn(site, 'idempotency'), idempotency);
  return {
    keyLifetime: lifetime ?? called?.keyLifetime ?? LIMITS.keyLifetime,
    lateBy: numberIn(site, 'lateBy', lateBy ?? called?.lateBy ?? LIMITS.lateBy, LATE_BY),
  };
}

function refuseUnlessOne(site: CallSite, { request, run }: Options): void {
  if ((request === undefined) !== (run === undefined)) return;
  const examples = EXAMPLES[site.within ?? 'step'];
  throw new DefinitionError(
    site,
    `${ownerIn(site)} has ${run === undefined ? 'neither request nor run' : 'both request and run'}`,
    `Write one of the two: ${examples.request}, or ${examples.run}.`,
  );
}

function refuseSecrets(site: Site, secrets: unknown): void {
  if (secrets === undefined) return;
  throw new DefinitionError(
    site,
    `${ownerIn(site)} has both request and secrets`,
    'Leave secrets out: they are for run, and the secrets of a target are in its settings.',
  );
}

const secretsOf = (site: Site, secrets: unknown): readonly string[] =>
  secrets === undefined ? [] : textsOf(site, optionIn(site, 'secrets'), secrets).map(secretName);

/** The targets that a definition names: by their names, or as `target()` made them, which may know what they promise. */
function targetsOf(site: Site, written: unknown): Called {
  const option = optionIn(site, 'targets');
  const given = Array.isArray(written) ? written : [];
  const names = textsOf(site, option, Array.isArray(written) ? given.map(nameOf) : written).map(targetName);
  if (names.length === 0) {
    throw new DefinitionError(
      site,
      `${option} is empty`,
      `Name every target that ${site.within ?? 'the step'} may call: targets: ['payments'].`,
    );
  }
  const known = given.map((one) => (isTarget(one) ? one : undefined));
  return {
    targets: names,
    keyLifetime: Math.min(...known.map((one) => keyUseOf(one?.idempotency).lifetime)),
    lateBy: Math.max(...known.map((one) => one?.lateBy ?? LIMITS.lateBy)),
  };
}

const isTarget = (value: unknown): value is Pick<Target, 'name' | 'idempotency' | 'lateBy'> =>
  typeof value === 'object' &&
  value !== null &&
  ['name', 'idempotency', 'lateBy'].every((member) => member in value);

const nameOf = (one: unknown): unknown => (isTarget(one) ? one.name : one);

type Request = NonNullable<StepDefinition['request']>;

export const isRequest = (value: unknown): value is Request => typeof value === 'function';
const isRun = (value: unknown): value is NonNullable<StepDefinition['run']> => typeof value === 'function';
