import { Duration, Tags } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { physicalName, type Stage } from '../../stage.ts';
import { ALARM_KINDS, type AlarmKind, type AlarmName, type Severity } from './kinds.ts';

/** The stage that alarms belong to, and the topic that hears them. */
export interface WatchedStage {
  readonly stage: Stage;
  readonly onCall: ITopic;
}

/** What an alarm is about. */
export interface Subject {
  /** What the alarm's name says between the stage and its kind. */
  readonly parts: readonly string[];
  /** As the alarm's description names it. */
  readonly words: string;
}

export interface StageAlarmProps extends Subject {
  readonly watched: WatchedStage;
  /** What is watched, for the period of the alarm's kind. */
  readonly metric: (period: Duration) => IMetric;
}

/**
 * One alarm: its kind says when it sounds and how loud, its description links to the runbook.
 * @example
 * // stepline_dev_order-processing_workflow-failed
 * new StageAlarm(this, 'workflow-failed', { watched: foundation, parts: ['order-processing'], words: 'the chain order-processing', metric });
 */
export class StageAlarm extends Construct {
  readonly alarmName: string;
  readonly severity: Severity;

  constructor(scope: Construct, name: AlarmName, { watched, parts, words, metric }: StageAlarmProps) {
    super(scope, name);
    const { stage, onCall } = watched;
    const kind: AlarmKind = ALARM_KINDS[name];
    this.alarmName = physicalName(stage.name, ...parts, name);
    this.severity = kind.severity;
    const watches = metric(Duration.seconds(kind.period));
    // MiniStack refuses alarms that calculate.
    if (stage.settings.emulator && watches instanceof MathExpression) return;
    const alarm = new Alarm(this, 'Alarm', {
      alarmName: this.alarmName,
      alarmDescription: `${kind.severity}: ${kind.meaning}. It is about ${words}. Runbook: ${stage.settings.runbookUrl}#${name}`,
      metric: watches,
      threshold: kind.threshold(stage),
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      datapointsToAlarm: kind.looks.beyond,
      evaluationPeriods: kind.looks.of,
      treatMissingData: kind.missing,
    });
    const tell = new SnsAction(onCall);
    alarm.addAlarmAction(tell);
    // Tells whoever was woken that it is over.
    if (kind.severity === 'critical') alarm.addOkAction(tell);
    Tags.of(alarm).add('severity', kind.severity);
  }
}
