import { type Metric, metricsOf, watchedAs } from '../../../../lib/adapters/lambda/metrics.ts';
import type { ChainDefinition } from '../../../../lib/chain/index.ts';
import { registry } from '../../../../lib/chain/registry.ts';
import type { Monitoring } from '../../../../lib/contract/names.ts';
import type { EngineEvent } from '../../../../lib/engine/events.ts';
import { ALL_EVENTS } from '../../../support/engine-events.ts';

type EventName = EngineEvent['event'];

/** What happens in a workflow that goes well. */
const GOES_WELL: readonly EventName[] = [
  'workflow_started',
  'attempt_started',
  'step_completed',
  'workflow_completed',
];

/** Told by every run of the reconciler, in no metric while nothing waits. */
const ALWAYS: readonly EventName[] = ['most_overdue', 'oldest_unclaimed'];

/** Custom metrics as CloudWatch bills them: each name with each set of dimensions, in a month in which it was written. */
export interface CustomMetrics {
  /** In a month in which all goes well for every chain. */
  readonly goesWell: number;
  /** Those besides, where everything happens to every step that can. */
  readonly goesWrong: number;
}

/** @example customMetrics([orderProcessing], 'full').goesWell // 8 */
export function customMetrics(chains: readonly ChainDefinition[], monitoring: Monitoring): CustomMetrics {
  const written = (events: readonly EngineEvent[]): ReadonlySet<string> =>
    new Set(
      events
        .flatMap((event) => metricsOf(event))
        .flatMap((metric) => seriesOf(watchedAs(monitoring, metric), chains)),
    );
  const goesWell = written(ALL_EVENTS.filter(({ event }) => GOES_WELL.includes(event)));
  const all = written(ALL_EVENTS.filter(({ event }) => !ALWAYS.includes(event)));
  return { goesWell: goesWell.size, goesWrong: all.size - goesWell.size };
}

/** The metric of every step or chain of a stage, or the one of the stage. */
function seriesOf({ name, dimensions }: Metric, chains: readonly ChainDefinition[]): readonly string[] {
  const { current } = registry(chains);
  if (dimensions.step !== undefined) {
    return current.flatMap(({ name: chain, steps }) => steps.map((step) => `${name} ${chain} ${step.name}`));
  }
  return dimensions.chain === undefined ? [name] : current.map(({ name: chain }) => `${name} ${chain}`);
}
