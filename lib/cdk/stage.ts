import type { ChainDefinition } from '../chain/definition.ts';
import { type QueueName, queueSuffix } from '../contract/names.ts';
import type { StageSettings } from './settings.ts';

/** A chain's definition and where its code stands: a function's bundle carries this file and nothing of other chains. */
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
}

/** The stages that have settings. */
export const STAGE_NAMES = ['dev', 'staging', 'prod'] as const;
export type SettledStage = (typeof STAGE_NAMES)[number];

/** The stage that `npm run probe` makes beside them and removes again. */
export const PROBE_STAGE = 'probe';
export type StageName = SettledStage | typeof PROBE_STAGE;

/**
 * A physical name: it says the stage, so that stages share an account, and what it is of. Only names of steps have two
 * parts, so no chain is called like one of our own functions.
 * @example physicalName('dev', 'order-processing', 'payment') // 'stepline_dev_order-processing_payment'
 */
export const physicalName = (stage: StageName, ...parts: readonly string[]): string =>
  ['stepline', stage, ...parts].join('_');

/** @example queueName('dev', { kind: 'parking' }) // 'stepline_dev_parking' */
export const queueName = (stage: StageName, queue: QueueName): string =>
  physicalName(stage, queueSuffix(queue));
