import type { ChainDefinition } from './definition.ts';
import { DefinitionError } from './definition-error.ts';
import { type StepPlace, stepPlaces } from './places.ts';
import { refuseWithoutSteps } from './validate.ts';

/** All chains of a deployment. */
export interface Registry {
  /** One version of a chain, older ones included: they finish what they began. */
  find(name: string, version: number): ChainDefinition | undefined;
  /** Every version of each chain. */
  readonly versions: readonly ChainDefinition[];
  /** The newest version of each chain: what can be started. */
  readonly current: readonly ChainDefinition[];
  /** The chain that `POST <path>` starts. */
  byStart(path: string): ChainDefinition | undefined;
  readonly names: readonly string[];
  /** Every step of every version. */
  readonly places: readonly StepPlace[];
}

/**
 * Errors: `DefinitionError` for a chain without steps, a version given twice, and two chains that start at one path.
 * @example registry([orderProcessing, userOnboarding]).find('order-processing', 1)
 */
export function registry(chains: readonly ChainDefinition[]): Registry {
  const versions = new Map<string, ChainDefinition>();
  const newest = new Map<string, ChainDefinition>();
  for (const chain of chains) {
    refuseWithoutSteps(chain);
    const key = keyOf(chain.name, chain.version);
    if (versions.has(key)) throw givenTwice(chain);
    versions.set(key, chain);
    if (chain.version > (newest.get(chain.name)?.version ?? 0)) newest.set(chain.name, chain);
  }
  const starts = startsOf([...newest.values()]);
  return {
    find: (name, version) => versions.get(keyOf(name, version)),
    versions: [...versions.values()],
    current: [...newest.values()],
    byStart: (path) => starts.get(path),
    names: [...newest.keys()],
    places: stepPlaces(chains),
  };
}

const keyOf = (name: string, version: number): string => `${name}@${version}`;

function startsOf(chains: readonly ChainDefinition[]): ReadonlyMap<string, ChainDefinition> {
  const starts = new Map<string, ChainDefinition>();
  for (const chain of chains) {
    const other = starts.get(chain.start);
    if (other !== undefined) {
      throw new DefinitionError(
        { chain: chain.name },
        `start is "${chain.start}", which starts the chain "${other.name}" already`,
        `Give one of them another path, such as "/api/${chain.name}".`,
      );
    }
    starts.set(chain.start, chain);
  }
  return starts;
}

const givenTwice = ({ name, version }: ChainDefinition): DefinitionError =>
  new DefinitionError(
    { chain: name },
    `version ${version} is listed twice`,
    `List it once. If the chain has changed, make the new definition version ${version + 1}.`,
  );
