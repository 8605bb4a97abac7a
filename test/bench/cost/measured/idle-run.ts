import type { LogLevel } from '../../../../lib/contract/names.ts';
import { openCostStage } from './cost-stage.ts';
import { type FunctionUse, useOf } from './function-use.ts';
import { readLogs } from './written-logs.ts';

/**
 * What a query costs at least, eventually consistent; dynalite says 0 where nothing is found.
 * Source: Amazon DynamoDB Developer Guide, read and write operations.
 */
const LEAST_READ_UNITS = 0.5;

/** One run of the reconciler that finds nothing due, and nothing in a dead-letter queue. */
export interface IdleRun {
  readonly use: FunctionUse;
  /** Dead-letter queues that it looked into, each with one request. */
  readonly queues: number;
  readonly readUnits: number;
  readonly logBytes: number;
  /** Metrics that CloudWatch bills a month each, although nothing happens. */
  readonly metrics: number;
}

/** @example await measureIdleRun(bundles, 40, 'info') */
export async function measureIdleRun(bundles: string, runs: number, logLevel: LogLevel): Promise<IdleRun> {
  const stage = await openCostStage(bundles, { logLevel });
  let use: FunctionUse;
  let queues: number;
  let output = '';
  try {
    for (let run = 0; run < runs; run += 1) await stage.invoke('reconciler', {});
    use = useOf(stage, 'reconciler', runs);
    queues = stage.sqs.polls / runs;
  } finally {
    output = await stage.close();
  }
  return {
    use,
    queues,
    readUnits: Math.max(use.readUnits, use.reads * LEAST_READ_UNITS),
    logBytes: Buffer.byteLength(output) / runs,
    metrics: readLogs(output).metrics.size,
  };
}
