import { LIMITS } from '../contract/limits.ts';
import { DefinitionError, type Place, show } from './definition-error.ts';

interface NameRule {
  readonly pattern: RegExp;
  readonly words: string;
  readonly longest: number;
  readonly fallback: string;
  /** A valid spelling of a name that may not be one. */
  readonly repair: (name: string) => string;
}

const dashed = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^[^A-Za-z]+/, '')
    .replace(/-$/, '');

const STEP_NAME: NameRule = {
  pattern: /^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$/,
  words: 'letters, digits and single hyphens, beginning with a letter',
  longest: LIMITS.stepNameLength,
  fallback: 'payment',
  repair: dashed,
};

const TARGET_NAME: NameRule = { ...STEP_NAME, fallback: 'payments' };

const SECRET_NAME: NameRule = { ...STEP_NAME, fallback: 'webhook-key' };

const CHAIN_NAME: NameRule = {
  pattern: /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
  words: 'lower-case letters, digits and single hyphens, beginning with a letter',
  longest: LIMITS.chainNameLength,
  fallback: 'order-processing',
  repair: (name) => dashed(name.replace(/([a-z0-9])([A-Z])/g, '$1-$2')).toLowerCase(),
};

/** Returns a valid chain name. Errors: `DefinitionError` that suggests one. */
export const chainName = (name: unknown): string => checked({}, 'chain', CHAIN_NAME, name);

/** Returns a valid step name. Errors: `DefinitionError` that suggests one. */
export const stepName = (place: Place, name: unknown): string => checked(place, 'step', STEP_NAME, name);

/** Returns a valid target name. Errors: `DefinitionError` that suggests one. */
export const targetName = (name: unknown): string => checked({}, 'target', TARGET_NAME, name);

/** Returns a valid name of a secret. Errors: `DefinitionError` that suggests one. */
export const secretName = (name: unknown): string => checked({}, 'secret', SECRET_NAME, name);

/** Whether a target can have that name: what code says while it runs is asked, not refused. */
export const isTargetName = (name: unknown): name is string =>
  typeof name === 'string' &&
  name.length <= TARGET_NAME.longest &&
  TARGET_NAME.pattern.test(name) &&
  !(name in {});

function checked(place: Place, what: string, rule: NameRule, name: unknown): string {
  const remedy = `Write ${rule.words}, at most ${rule.longest} characters, such as "${suggested(rule, name)}".`;
  const refuse = (problem: string): never => {
    throw new DefinitionError(place, `the ${what} name ${show(name)} ${problem}`, remedy);
  };
  if (typeof name !== 'string') return refuse('is not text');
  if (name.length > rule.longest) return refuse(`is too long: it has ${name.length} characters`);
  if (!rule.pattern.test(name)) return refuse('cannot be part of the name of a queue and a function');
  // `results.constructor` would be a function of every object, not a result.
  if (name in {}) return refuse('is a property of every JavaScript object');
  return name;
}

function suggested(rule: NameRule, name: unknown): string {
  const repaired = rule
    .repair(typeof name === 'string' ? name : '')
    .slice(0, rule.longest)
    .replace(/-$/, '');
  return repaired === '' || repaired in {} ? rule.fallback : repaired;
}
