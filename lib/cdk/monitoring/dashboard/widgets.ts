import { Color, GraphWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';

/** Columns of a dashboard. */
export const COLUMNS = 24;
const HEIGHT = 6;

/** Metrics that one graph can show. Source: "CloudWatch service quotas", metrics per dashboard widget. */
export const METRICS_PER_WIDGET = 500;
/** Alarms that one widget can show. Source: "Dashboard body structure", alarm widget. */
export const ALARMS_PER_WIDGET = 100;

export interface Graph {
  readonly title: string;
  readonly left: readonly IMetric[];
  readonly right?: readonly IMetric[];
  readonly leftLabel: string;
  readonly rightLabel?: string;
}

/** A row of graphs of the same width. The axis of each begins at zero. */
export const row = (graphs: readonly Graph[]): GraphWidget[] =>
  graphs.map(
    ({ title, left, right, leftLabel, rightLabel }) =>
      new GraphWidget({
        title,
        width: Math.floor(COLUMNS / graphs.length),
        height: HEIGHT,
        left: [...left],
        leftYAxis: { label: leftLabel, showUnits: false, min: 0 },
        ...(right === undefined ? {} : { right: [...right] }),
        ...(rightLabel === undefined ? {} : { rightYAxis: { label: rightLabel, showUnits: false, min: 0 } }),
      }),
  );

const COLORS = [
  Color.BLUE,
  Color.ORANGE,
  Color.GREEN,
  Color.PURPLE,
  Color.BROWN,
  Color.PINK,
  Color.GREY,
  Color.RED,
] as const;

/** The color of the line at this place. A step has the same color in every graph of its chain. */
export const colorOf = (at: number): string => COLORS[at % COLORS.length] ?? Color.BLUE;

export const PERCENTILES = ['p50', 'p95', 'p99'] as const;
