import { type Figures, MINUTES, type Minute } from './figures.ts';
import { evaluate, type Series } from './metric-math.ts';
import type { AlarmProperties } from './monitored.ts';

const STATISTICS: Readonly<Record<string, (samples: readonly number[]) => number>> = {
  Sum: (samples) => samples.reduce((sum, sample) => sum + sample, 0),
  Maximum: (samples) => Math.max(...samples),
  Minimum: (samples) => Math.min(...samples),
};

/** What a metric says in the period that ends with a minute. */
function pointOf(figure: (minute: number) => Minute, statistic: string, period: number, end: number): Minute {
  const calculate = STATISTICS[statistic];
  if (calculate === undefined) throw new Error(`there is no statistic ${statistic} here`);
  const samples = Array.from({ length: period / 60 }, (_, back) => end - back)
    .filter((minute) => minute >= 0)
    .map(figure)
    .filter((sample) => sample !== undefined);
  return samples.length === 0 ? undefined : calculate(samples);
}

interface Watched {
  readonly id: string;
  readonly name: string;
  readonly statistic: string;
  readonly period: number;
}

function watchedBy({ AlarmName, MetricName, Statistic = '', Period = 0, Metrics = [] }: AlarmProperties) {
  const metrics: Watched[] = Metrics.flatMap(({ Id, MetricStat }) =>
    MetricStat === undefined
      ? []
      : [
          {
            id: Id,
            name: MetricStat.Metric.MetricName,
            statistic: MetricStat.Stat,
            period: MetricStat.Period,
          },
        ],
  );
  if (MetricName !== undefined) {
    return {
      metrics: [{ id: 'm', name: MetricName, statistic: Statistic, period: Period }],
      expression: 'm',
    };
  }
  const [{ Expression: expression } = {}, ...more] = Metrics.filter((one) => one.Expression !== undefined);
  if (expression === undefined || more.length > 0)
    throw new Error(`${AlarmName} does not have one expression`);
  return { metrics, expression };
}

const COMPARISONS: Readonly<Record<string, (point: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (point, threshold) => point >= threshold,
};

/**
 * Whether an alarm sounds within the second of two hours, looking every minute as CloudWatch does.
 * @param figures of every metric that it watches, by name; the name of a metric of a stage may say more before it
 */
export function sounds(alarm: AlarmProperties, figures: Figures): boolean {
  const { EvaluationPeriods: of, DatapointsToAlarm: beyond = of, Threshold, TreatMissingData } = alarm;
  const { metrics, expression } = watchedBy(alarm);
  const compare = COMPARISONS[alarm.ComparisonOperator];
  if (compare === undefined) throw new Error(`${alarm.ComparisonOperator} is not known here`);
  const figureOf = (name: string) => {
    const figure = figures[name] ?? figures[name.split('_').at(-1) ?? ''];
    if (figure === undefined)
      throw new Error(`${alarm.AlarmName} watches ${name}, of which there are no figures`);
    return figure;
  };
  let sounding = false;
  for (let minute = MINUTES / 2; minute < MINUTES; minute += 1) {
    const series = new Map<string, Series>(
      metrics.map(({ id, name, statistic, period }) => [
        id,
        Array.from({ length: of }, (_, back) =>
          pointOf(figureOf(name), statistic, period, minute - (back * period) / 60),
        ),
      ]),
    );
    const points = evaluate(expression, series, of);
    const breaching = points.filter((point) =>
      point === undefined ? TreatMissingData === 'breaching' : compare(point, Threshold),
    ).length;
    const isMissing = points.every((point) => point === undefined);
    if (isMissing && TreatMissingData === 'ignore') continue;
    sounding = breaching >= beyond;
    if (sounding) return true;
  }
  return sounding;
}
