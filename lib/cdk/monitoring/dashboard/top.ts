import { ArnFormat, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmState,
  AlarmStatusWidget,
  AlarmStatusWidgetSortBy,
  Color,
  type GraphWidget,
  type IWidget,
  MathExpression,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { StageName } from '../../../contract/names.ts';
import { SEVERITIES, type Severity } from '../alarms/kinds.ts';
import { MINUTE, ourMetric } from '../metrics.ts';
import { chunksOf } from '../pages.ts';
import { ALARMS_PER_WIDGET, COLUMNS, METRICS_PER_WIDGET, row } from './widgets.ts';

/** An alarm as a dashboard shows it: by its name, because it may be in another stack. */
export interface ShownAlarm {
  readonly alarmName: string;
  readonly severity: Severity;
}

const TITLES: Readonly<Record<Severity, string>> = {
  critical: 'Critical alarms that sound now',
  warning: 'Warnings that sound now',
};

/** A row of alarms, and how many it shows. */
export interface AlarmRow {
  readonly row: readonly IWidget[];
  readonly alarms: number;
}

/** What is wrong now: the alarms that sound, beside each other the critical ones and the warnings. Empty widgets are good. */
export function alarmRows(scope: Construct, alarms: readonly ShownAlarm[]): readonly AlarmRow[] {
  const bySeverity = SEVERITIES.map((severity) => ({
    severity,
    chunks: chunksOf(
      alarms.filter((alarm) => alarm.severity === severity),
      ALARMS_PER_WIDGET,
    ),
  }));
  const rows = Math.max(...bySeverity.map(({ chunks }) => chunks.length));
  return Array.from({ length: rows }, (_, at) => {
    const shown = bySeverity.flatMap(({ severity, chunks }) => {
      const some = chunks[at];
      return some === undefined ? [] : [{ severity, some }];
    });
    return {
      row: shown.map(({ severity, some }) => alarmWidget(scope, severity, some, at)),
      alarms: shown.reduce((sum, { some }) => sum + some.length, 0),
    };
  });
}

const alarmWidget = (
  scope: Construct,
  severity: Severity,
  alarms: readonly ShownAlarm[],
  at: number,
): IWidget =>
  new AlarmStatusWidget({
    title: at === 0 ? TITLES[severity] : `${TITLES[severity]} (${at + 1})`,
    alarms: alarms.map(({ alarmName }) => byName(scope, alarmName)),
    states: [AlarmState.ALARM],
    sortBy: AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
    width: COLUMNS / SEVERITIES.length,
    height: 4,
  });

/** By name, because a nested stack has 200 outputs at most. */
const byName = (scope: Construct, alarmName: string) =>
  Alarm.fromAlarmArn(
    scope,
    alarmName,
    Stack.of(scope).formatArn({
      service: 'cloudwatch',
      resource: 'alarm',
      resourceName: alarmName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );

const COUNTED = [
  { name: 'workflowsStarted', label: 'started', color: Color.BLUE },
  { name: 'workflowsCompleted', label: 'completed', color: Color.GREEN },
  { name: 'workflowsFailed', label: 'failed', color: Color.RED },
] as const;
/** Each line adds up one metric over all chains. */
const CHAINS_PER_GRAPH = Math.floor(METRICS_PER_WIDGET / COUNTED.length);

/** Whether workflows make progress: how many began and ended in all chains, and how long the slowest step has waited. */
export function workflowGraphs(stage: StageName, chains: readonly string[]): readonly GraphWidget[] {
  const sums = chunksOf(chains, CHAINS_PER_GRAPH).map((some, at) => ({
    title: at === 0 ? 'Workflows' : `Workflows (${at + 1})`,
    left: COUNTED.map(
      ({ name, label, color }) =>
        new MathExpression({
          expression: `SUM([${some.map((_, chain) => `${label}${chain}`).join(', ')}])`,
          usingMetrics: Object.fromEntries(
            some.map((chain, index) => [
              `${label}${index}`,
              ourMetric(name, { stage, chain }, { statistic: 'Sum' }),
            ]),
          ),
          label,
          color,
          period: MINUTE,
        }),
    ),
    leftLabel: 'a minute',
  }));
  const oldest = {
    title: 'The latest step: its age divided by what its definition allows; from 1 on it is overdue',
    left: [ourMetric('overdue', { stage }, { statistic: 'Maximum', label: 'age / bound' })],
    leftLabel: 'of its bound',
  };
  return row([...sums, oldest]);
}
