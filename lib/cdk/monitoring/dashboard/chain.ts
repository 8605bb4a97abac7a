import { type IMetric, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { deadLetterQueue, type StageName, stepQueue } from '../../../contract/names.ts';
import { ourMetric, queueDepth, queueMetric } from '../metrics.ts';
import { COLUMNS, colorOf, type Graph, PERCENTILES, row } from './widgets.ts';

/** A chain as a dashboard shows it. */
export interface ShownChain {
  readonly chainName: string;
  readonly steps: readonly { readonly place: { readonly step: string } }[];
}

/** Metrics of one step in these widgets, with those that are only part of a sum. */
export const STEP_METRICS = 10;

/** A step of a chain, and how its lines look. */
interface Line {
  readonly stage: StageName;
  readonly chain: string;
  readonly step: string;
  readonly look: { readonly label: string; readonly color: string };
}

/** The rows of one chain. Each graph has one line for each step, in the order of the chain. */
export function chainRows(stage: StageName, { chainName: chain, steps }: ShownChain): readonly IWidget[][] {
  const lines = steps.map(({ place: { step } }, at) => ({
    stage,
    chain,
    step,
    look: { label: step, color: colorOf(at) },
  }));
  const graph = (title: string, leftLabel: string, metric: (line: Line) => IMetric): Graph => ({
    title,
    leftLabel,
    left: lines.map(metric),
  });
  return [
    [new TextWidget({ markdown: `## ${chain}`, width: COLUMNS, height: 1 })],
    row([
      graph('Messages in the queue', 'messages', ({ look, ...of }) => queueDepth(stage, stepQueue(of), look)),
      graph('Age of the oldest message', 'seconds', ({ look, ...of }) =>
        queueMetric('ApproximateAgeOfOldestMessage', stage, stepQueue(of), { statistic: 'Maximum', ...look }),
      ),
      graph('Attempts', 'a minute', ({ look, ...of }) =>
        ourMetric('attempts', of, { statistic: 'Sum', ...look }),
      ),
      graph('Attempts that failed', 'a minute', ({ look, ...of }) =>
        ourMetric('attemptsFailed', of, { statistic: 'Sum', ...look }),
      ),
    ]),
    row([
      ...PERCENTILES.map((percentile) =>
        graph(`Duration of an attempt, ${percentile}`, 'milliseconds', ({ look, ...of }) =>
          ourMetric('attemptDuration', of, { statistic: percentile, ...look }),
        ),
      ),
      {
        ...graph('Dead letters: handled; moved by SQS', 'handled a minute', ({ look, ...of }) =>
          ourMetric('deadLetters', of, { statistic: 'Sum', ...look }),
        ),
        right: lines.map(({ look, ...of }) =>
          queueMetric('ApproximateNumberOfMessagesVisible', stage, deadLetterQueue(of), {
            statistic: 'Maximum',
            ...look,
            label: `${look.label} moved by SQS`,
          }),
        ),
        rightLabel: 'messages',
      },
    ]),
  ];
}
