import * as z from 'zod';
import { ENV, parseQueueSuffix } from '../../../../lib/contract/names.ts';
import { targetSettings } from '../../../../lib/contract/targets.ts';

/** What a stage has of the things that cost money however little happens. */
export interface Resources {
  /** Event source mappings: one for each step, and one for the dead letters of all. */
  readonly mappings: number;
  /** Queues to which SQS moves what was received too often, and which the reconciler empties: one for each step. */
  readonly deadLetterQueues: number;
  /** Metrics that standard alarms watch: an alarm on an expression is billed for every metric in it. */
  readonly alarms: number;
  readonly compositeAlarms: number;
  readonly dashboards: number;
  readonly keys: number;
  /** Secrets of Secrets Manager that the functions read, by name. Whoever makes them, the stage does not. */
  readonly secrets: number;
  readonly schedules: number;
  /** Schedules whose function X-Ray traces. */
  readonly tracedSchedules: number;
  /** Routes of APIs that write metrics of each route. */
  readonly meteredRoutes: number;
}

const resource = z.object({
  Type: z.string(),
  Properties: z
    .looseObject({
      ScheduleExpression: z.unknown().optional(),
      Targets: z.array(z.looseObject({ Arn: z.unknown() })).optional(),
      QueueName: z.unknown().optional(),
      Metrics: z.array(z.looseObject({ MetricStat: z.unknown().optional() })).optional(),
      TracingConfig: z.object({ Mode: z.string() }).optional(),
      DefaultRouteSettings: z.looseObject({ DetailedMetricsEnabled: z.boolean().optional() }).optional(),
      Environment: z.looseObject({ Variables: z.record(z.string(), z.unknown()).default({}) }).optional(),
    })
    .default({}),
});
type Resource = z.infer<typeof resource>;
const template = z.looseObject({ Resources: z.record(z.string(), resource).default({}) });

/**
 * Counts resources in CloudFormation templates: of every stack of a stage, nested stacks being templates of their own.
 * Errors: throws a `ZodError` for what is no template, and for targets that are not `STEPLINE_TARGETS` of this version.
 * @example countResources([JSON.parse(readFileSync('cdk.out/stepline-dev.template.json', 'utf8'))]).mappings
 */
export function countResources(templates: readonly unknown[]): Resources {
  const all = templates.flatMap((one) => Object.values(template.parse(one).Resources));
  const of = (type: string): readonly Resource[] => all.filter(({ Type }) => Type === type);
  const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);
  return {
    mappings: of('AWS::Lambda::EventSourceMapping').length,
    deadLetterQueues: of('AWS::SQS::Queue').filter(isEmptied).length,
    alarms: sum(of('AWS::CloudWatch::Alarm').map(metricsWatched)),
    compositeAlarms: of('AWS::CloudWatch::CompositeAlarm').length,
    dashboards: of('AWS::CloudWatch::Dashboard').length,
    keys: of('AWS::KMS::Key').length,
    secrets: new Set(of('AWS::Lambda::Function').flatMap(secretNames)).size,
    schedules: of('AWS::Scheduler::Schedule').length + of('AWS::Events::Rule').filter(isScheduled).length,
    tracedSchedules: sum(templates.map((one) => tracedSchedules(template.parse(one).Resources))),
    meteredRoutes: of('AWS::ApiGatewayV2::Stage').some(isMetered) ? of('AWS::ApiGatewayV2::Route').length : 0,
  };
}

const metricsWatched = ({ Properties: { Metrics } }: Resource): number =>
  Metrics?.filter(({ MetricStat }) => MetricStat !== undefined).length ?? 1;

const isScheduled = ({ Properties }: Resource): boolean => Properties.ScheduleExpression !== undefined;
/** The dead-letter queue of a step, by its name. */
const isEmptied = ({ Properties: { QueueName } }: Resource): boolean =>
  typeof QueueName === 'string' &&
  parseQueueSuffix(QueueName.split('_').slice(2).join('_'))?.kind === 'deadLetter';

/** Rules of a template that run a function of it. */
function tracedSchedules(resources: Readonly<Record<string, Resource>>): number {
  const traced = Object.entries(resources).flatMap(([id, one]) => (isTraced(one) ? [id] : []));
  return Object.values(resources).filter(
    (one) =>
      isScheduled(one) &&
      traced.some((id) => JSON.stringify(one.Properties.Targets ?? []).includes(`"${id}"`)),
  ).length;
}

const isTraced = ({ Properties }: Resource): boolean => Properties.TracingConfig?.Mode === 'Active';
const isMetered = ({ Properties }: Resource): boolean =>
  Properties.DefaultRouteSettings?.DetailedMetricsEnabled === true;

/** Parameters of the Parameter Store are not among them: standard ones cost nothing. */
function secretNames({ Properties: { Environment } }: Resource): readonly string[] {
  const text = Environment?.Variables[ENV.targets];
  if (text === undefined) return [];
  const targets = targetSettings.parse(JSON.parse(z.string().parse(text)));
  return Object.values(targets).flatMap(({ secret }) =>
    secret?.store === 'secrets-manager' ? [secret.name] : [],
  );
}
