import { openCostStage } from './cost-stage.ts';
import { type FunctionUse, useOf } from './function-use.ts';
import { readLogs } from './written-logs.ts';

/**
 * What a query costs at least, eventually consistent; dynalite says 0 where nothing is found.
 * Source: Amazon DynamoDB Developer Guide, read and write operations.
 */
const LEAST_READ_UNITS = 0.5;

/** One run of the reconciler that finds nothing due. */
export interface IdleRun {
  readonly use: FunctionUse;
  readonly readUnits: number;
  readonly logBytes: number;
  /** Metrics that CloudWatch bills a month each, although nothing happens. */
  readonly metrics: number;
}

/** @example await measureIdleRun(bundles, 40) */
export async function measureIdleRun(bundles: string, runs: number): Promise<IdleRun> {
  const stage = await openCostStage(bundles, { logLevel: 'info' });
  let use: FunctionUse;
  let output = '';
  try {
    for (let run = 0; run < runs; run += 1) await stage.invoke('reconciler', {});
    use = useOf(stage, 'reconciler', runs);
  } finally {
    output = await stage.close();
  }
  return {
    use,
    readUnits: Math.max(use.readUnits, use.reads * LEAST_READ_UNITS),
    logBytes: Buffer.byteLength(output) / runs,
    metrics: readLogs(output).metrics.size,
  };
}
