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
const TAKEN_BACK = [
  { name: 'workflowsCompensating', label: 'compensating', color: Color.ORANGE },
  { name: 'workflowsCompensated', label: 'compensated', color: Color.GREEN },
] as const;
type Counted = (typeof COUNTED | typeof TAKEN_BACK)[number];
/** Each line adds up one metric over all chains. */
const CHAINS_PER_GRAPH = Math.floor(METRICS_PER_WIDGET / COUNTED.length);

/** One metric, added up over chains. */
const sumOf = (
  stage: StageName,
  chains: readonly string[],
  { name, label, color }: Counted,
): MathExpression =>
  new MathExpression({
    expression: `SUM([${chains.map((_, chain) => `${label}${chain}`).join(', ')}])`,
    usingMetrics: Object.fromEntries(
      chains.map((chain, index) => [
        `${label}${index}`,
        ourMetric(name, { stage, chain }, { statistic: 'Sum' }),
      ]),
    ),
    label,
    color,
    period: MINUTE,
  });

/**
 * Whether workflows make progress: how many began and ended in all chains, how many are taken back and whether that succeeds, and how long
 * the slowest step has waited.
 */
export function workflowGraphs(stage: StageName, chains: readonly string[]): readonly GraphWidget[] {
  const parts = chunksOf(chains, CHAINS_PER_GRAPH);
  const counted = (title: string, at: number): string => (at === 0 ? title : `${title} (${at + 1})`);
  const sums = parts.map((some, at) => ({
    title: counted('Workflows', at),
    left: COUNTED.map((line) => sumOf(stage, some, line)),
    leftLabel: 'a minute',
  }));
  const takenBack = parts.map((some, at) => ({
    title: counted('Workflows that are taken back', at),
    left: [
      ...TAKEN_BACK.map((line) => sumOf(stage, some, line)),
      // Of the whole stage, and once.
      ...(at === 0
        ? [
            ourMetric(
              'compensationsFailed',
              { stage },
              { statistic: 'Sum', label: 'compensation failed', color: Color.RED },
            ),
          ]
        : []),
    ],
    leftLabel: 'a minute',
  }));
  const oldest = {
    title: 'The latest step: its age divided by what its definition allows; from 1 on it is overdue',
    left: [ourMetric('overdue', { stage }, { statistic: 'Maximum', label: 'age / bound' })],
    leftLabel: 'of its bound',
  };
  return row([...sums, ...takenBack, oldest]);
}
