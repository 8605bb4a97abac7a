import type { Chain } from '../../chain.ts';
import { ourMetric } from '../metrics.ts';
import { StageAlarm, type Watched } from './alarm.ts';

const WATCHED = { 'workflow-failed': 'workflowsFailed', repairs: 'repairs' } as const;

/** The alarms of one chain, beside those of its steps. */
export function chainAlarms(scope: Chain, watched: Watched): readonly StageAlarm[] {
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
