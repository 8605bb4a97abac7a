import * as z from 'zod';

/** What a stage has of the things that cost money while nothing happens. */
export interface Resources {
  /** Event source mappings: two for each step, one of its queue and one of its dead-letter queue. */
  readonly mappings: number;
  /** Metrics that standard alarms watch: an alarm on an expression is billed for every metric in it. */
  readonly alarms: number;
  readonly compositeAlarms: number;
  readonly dashboards: number;
  readonly keys: number;
  readonly secrets: number;
  readonly schedules: number;
}

const resource = z.object({
  Type: z.string(),
  Properties: z
    .looseObject({
      ScheduleExpression: z.unknown().optional(),
      Metrics: z.array(z.looseObject({ MetricStat: z.unknown().optional() })).optional(),
    })
    .optional(),
});
type Resource = z.infer<typeof resource>;
const template = z.looseObject({ Resources: z.record(z.string(), resource).default({}) });

/**
 * Counts resources in CloudFormation templates: of every stack of a stage, nested stacks being templates of their own.
 * Errors: throws a `ZodError` for what is no template.
 * @example countResources([JSON.parse(readFileSync('cdk.out/stepline-dev.template.json', 'utf8'))]).mappings
 */
export function countResources(templates: readonly unknown[]): Resources {
  const all = templates.flatMap((one) => Object.values(template.parse(one).Resources));
  const count = (...types: readonly string[]): number =>
    all.filter(({ Type }) => types.includes(Type)).length;
  return {
    mappings: count('AWS::Lambda::EventSourceMapping'),
    alarms: all.reduce((sum, one) => sum + alarmMetrics(one), 0),
    compositeAlarms: count('AWS::CloudWatch::CompositeAlarm'),
    dashboards: count('AWS::CloudWatch::Dashboard'),
    keys: count('AWS::KMS::Key'),
    secrets: count('AWS::SecretsManager::Secret'),
    schedules: count('AWS::Scheduler::Schedule') + all.filter(isScheduledRule).length,
  };
}

function alarmMetrics({ Type, Properties }: Resource): number {
  if (Type !== 'AWS::CloudWatch::Alarm') return 0;
  return Properties?.Metrics?.filter(({ MetricStat }) => MetricStat !== undefined).length ?? 1;
}

const isScheduledRule = ({ Type, Properties }: Resource): boolean =>
  Type === 'AWS::Events::Rule' && Properties?.ScheduleExpression !== undefined;
