import type { Construct } from 'constructs';
import { ourMetric } from '../metrics.ts';
import { StageAlarm, type WatchedStage } from './alarm.ts';

const WATCHED = { 'workflow-failed': 'workflowsFailed', repairs: 'repairs' } as const;

/** A chain, as its alarms see it. */
export interface WatchedChain extends Construct {
  readonly chainName: string;
}

/** The alarms of one chain, beside those of its steps. */
export function chainAlarms(scope: WatchedChain, watched: WatchedStage): readonly StageAlarm[] {
  const { chainName: chain } = scope;
  return (['workflow-failed', 'repairs'] as const).map(
    (kind) =>
      new StageAlarm(scope, kind, {
        watched,
        parts: [chain],
        words: `the chain ${chain}`,
        metric: (period) =>
          ourMetric(WATCHED[kind], { stage: watched.stage.name, chain }, { statistic: 'Sum', period }),
      }),
  );
}
