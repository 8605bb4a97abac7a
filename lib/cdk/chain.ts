import { Construct } from 'constructs';
import { DefinitionError } from '../chain/definition-error.ts';
import { stepPlaces } from '../chain/places.ts';
import { LIMITS } from '../contract/limits.ts';
import type { StageName } from '../contract/names.ts';
import type { Foundation } from './foundation.ts';
import { chainsModule } from './modules.ts';
import type { StageAlarm } from './monitoring/alarms/alarm.ts';
import { chainAlarms } from './monitoring/alarms/chain.ts';
import type { ChainSource } from './stage.ts';
import { Step } from './step.ts';

export interface ChainProps {
  readonly foundation: Foundation;
  /** The versions of one chain that may still run. */
  readonly versions: readonly ChainSource[];
}

/**
 * A chain on AWS: one `Step` for each step of its definition, each wired to the steps directly after it.
 * @example
 * new Chain(this, 'Orders', {
 *   foundation,
 *   versions: [{ definition: orderProcessing, file: 'functions/chains/order-processing.ts', exportName: 'orderProcessing' }],
 * });
 */
export class Chain extends Construct {
  readonly chainName: string;
  readonly stageName: StageName;
  readonly steps: readonly Step[];
  /** The chain's own alarms, then those of its steps. */
  readonly alarms: readonly StageAlarm[];

  constructor(scope: Construct, id: string, { foundation, versions }: ChainProps) {
    super(scope, id);
    this.chainName = nameOf(versions);
    this.stageName = foundation.stage.name;
    refuseTwin(this);
    refuseStranger(foundation, versions);
    const places = stepPlaces(versions.map(({ definition }) => definition));
    refuseTooMany(this, places.length);
    const chains = chainsModule(this, this.chainName, versions);
    // A scope of its own, so that no name of a step can meet the name of an alarm.
    const steps = new Construct(this, 'Steps');
    this.steps = places.map((place) => new Step(steps, place.step, { foundation, place, chains }));
    this.alarms = [...chainAlarms(this, foundation), ...this.steps.flatMap(({ alarms }) => alarms)];
  }
}

function nameOf(versions: readonly ChainSource[]): string {
  const names = new Set(versions.map(({ definition }) => definition.name));
  const [name, ...others] = names;
  if (name !== undefined && others.length === 0) return name;
  throw new Error(
    `a Chain takes all versions of one chain, but these are of ${[...names].join(', ') || 'none'}`,
  );
}

/** Two constructs of one chain would make queues and functions of the same names. */
function refuseTwin(chain: Chain): void {
  const twin = chain.node.root.node
    .findAll()
    .find(
      (other) =>
        other instanceof Chain &&
        other !== chain &&
        other.chainName === chain.chainName &&
        other.stageName === chain.stageName,
    );
  if (twin === undefined) return;
  throw new DefinitionError(
    { chain: chain.chainName },
    `it is deployed twice in the stage ${chain.stageName}: ${twin.node.path} and ${chain.node.path}`,
    'Give all its versions to one Chain, or give one of the chains another name.',
  );
}

/** The API, the step-failed function and the reconciler know the chains of the stage, and no other. */
function refuseStranger({ stage }: Foundation, versions: readonly ChainSource[]): void {
  const stranger = versions.find(
    ({ definition }) => !stage.chains.some((known) => known.definition === definition),
  );
  if (stranger === undefined) return;
  throw new DefinitionError(
    { chain: stranger.definition.name },
    `version ${stranger.definition.version} is not among the chains of the stage ${stage.name}`,
    'Add it to the chains of the stage too: the API starts only those.',
  );
}

/** CloudFormation would refuse the stack, but only at the deployment. */
function refuseTooMany({ chainName }: Chain, steps: number): void {
  if (steps <= LIMITS.stepsPerStack) return;
  throw new DefinitionError(
    { chain: chainName },
    `it has ${steps} steps in all its versions together, but a CloudFormation stack has room for ${LIMITS.stepsPerStack}`,
    'Do several calls in one run step, or let the last step start a second chain.',
  );
}
