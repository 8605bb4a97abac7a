import { median } from '../../statistics.ts';
import { type CostStage, STEPS } from './cost-stage.ts';

/** One function over all its invocations. */
export interface FunctionUse {
  /** `start`, `get`, `reconciler`, or a step's name. */
  readonly of: string;
  readonly isStep: boolean;
  readonly invocationsPerOrder: number;
  readonly messagesPerInvocation: number;
  /** Requests to AWS that a message waits for, one after the other. */
  readonly roundTrips: number;
  /** Queries of an invocation, and the read units that they cost. */
  readonly reads: number;
  readonly readUnits: number;
  /** Milliseconds of processor time of an invocation: the median of the later half, when the code has warmed up. */
  readonly cpuMs: number;
}

/** Of so many orders, or of runs of the reconciler. */
export function useOf({ invocations }: CostStage, of: string, orders: number): FunctionUse {
  const mine = invocations.filter((one) => one.of === of);
  const mean = (figure: 'messages' | 'reads' | 'readUnits'): number =>
    mine.reduce((sum, one) => sum + one[figure], 0) / mine.length;
  return {
    of,
    isStep: STEPS.includes(of),
    invocationsPerOrder: mine.length / orders,
    messagesPerInvocation: mean('messages'),
    roundTrips: median(mine.map(({ roundTrips }) => roundTrips)),
    reads: mean('reads'),
    readUnits: mean('readUnits'),
    cpuMs: median(mine.slice(Math.floor(mine.length / 2)).map(({ cpuMs }) => cpuMs)),
  };
}

/**
 * What the invocations of one order add up to.
 * @example perOrder(functions, ({ readUnits }) => readUnits)
 */
export const perOrder = (uses: readonly FunctionUse[], of: (use: FunctionUse) => number): number =>
  uses.reduce((sum, use) => sum + use.invocationsPerOrder * of(use), 0);
