import type { ChainDefinition } from '../../chain/definition.ts';
import type { WorkflowError } from '../../contract/wire.ts';
import { isExpiring } from '../decision.ts';
import type { WorkflowState } from '../state.ts';
import { pivotInTheWay } from './pivot.ts';

/**
 * Whether a workflow whose step failed is taken back by itself: where its chain said so when it began, there is time for it, and no pivot
 * stands in the way.
 */
export const isTakenBack = (
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  { code }: WorkflowError,
  now: number,
): chain is ChainDefinition =>
  state.meta.onFailure === 'undo' &&
  code !== 'EXPIRED' &&
  !isExpiring(state.meta, now) &&
  chain !== undefined &&
  pivotInTheWay(chain, state) === undefined;
