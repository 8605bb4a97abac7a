import type { ChainDefinition } from '../chain/definition.ts';
import { type StepPlace, stepPlaces } from '../chain/places.ts';
import { type QueueName, queueSuffix, type StageName } from '../contract/names.ts';
import type { StageSettings } from './settings.ts';

/** A chain's definition and its file. The bundle of a step's function holds this file and nothing of other chains. */
export interface ChainSource {
  readonly definition: ChainDefinition;
  /** Path of the module, absolute or from the project's folder. */
  readonly file: string;
  readonly exportName: string;
}

/** One deployment: its name, its settings and its chains, older versions included. */
export interface Stage {
  readonly name: StageName;
  readonly settings: StageSettings;
  readonly chains: readonly ChainSource[];
  /** Whether start, step-failed and reconciler have executions of their own: only where the account has room for them. */
  readonly reserves?: boolean;
  /** Executions at once that the account allows; undefined where nobody has asked AWS. */
  readonly executions?: number | undefined;
}

/** Every step of every chain of a stage. */
export const placesOf = ({
  chains,
}: {
  readonly chains: readonly Pick<ChainSource, 'definition'>[];
}): readonly StepPlace[] => stepPlaces(chains.map(({ definition }) => definition));

/**
 * A physical name. It begins with the stage, so that stages can share an account. Only names of steps have two more parts, so no
 * chain can have the name of one of our own functions.
 * @example physicalName('dev', 'order-processing', 'payment') // 'stepline_dev_order-processing_payment'
 */
export const physicalName = (stage: StageName, ...parts: readonly string[]): string =>
  ['stepline', stage, ...parts].join('_');

/** The name of the stage's table: its own, or that of one that was there already. */
export const tableName = ({ name, settings }: Pick<Stage, 'name' | 'settings'>): string =>
  settings.existing?.table ?? physicalName(name);

/** @example queueName('dev', { kind: 'parking' }) // 'stepline_dev_parking' */
export const queueName = (stage: StageName, queue: QueueName): string =>
  physicalName(stage, queueSuffix(queue));
