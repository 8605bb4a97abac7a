import type { Construct } from 'constructs';
import { ourMetric } from '../metrics.ts';
import { StageAlarm, type WatchedStage } from './alarm.ts';
import { errorRateAlarm } from './step.ts';

/** A chain, as its alarms see it. */
export interface WatchedChain extends Construct {
  readonly chainName: string;
}

/** The alarms of one chain, beside those of its steps: on a lean stage the steps have none, and their attempts count here. */
export function chainAlarms(scope: WatchedChain, watched: WatchedStage): readonly StageAlarm[] {
  const { chainName: chain } = scope;
  const { name: stage, settings } = watched.stage;
  const subject = { parts: [chain], words: `the chain ${chain}` };
  return [
    new StageAlarm(scope, 'workflow-failed', {
      watched,
      ...subject,
      metric: (period) => ourMetric('workflowsFailed', { stage, chain }, { statistic: 'Sum', period }),
    }),
    ...(settings.monitoring === 'lean'
      ? [errorRateAlarm(scope, watched, { ...subject, of: { stage, chain } })]
      : []),
  ];
}
