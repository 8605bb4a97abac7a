import * as z from 'zod';
import { type Synthesized, synthesized } from '../synth.ts';

/*
 * What the templates of a stage say about monitoring, read as CloudWatch would read it.
 */

const dimensions = z.array(z.object({ Name: z.string(), Value: z.unknown() })).optional();
const stat = z.object({
  Metric: z.object({ Namespace: z.string(), MetricName: z.string(), Dimensions: dimensions }),
  Period: z.number(),
  Stat: z.string(),
  Unit: z.string().optional(),
});

const alarm = z.object({
  Type: z.literal('AWS::CloudWatch::Alarm'),
  Properties: z.object({
    AlarmName: z.string(),
    AlarmDescription: z.string(),
    AlarmActions: z.array(z.unknown()),
    OKActions: z.array(z.unknown()).optional(),
    ComparisonOperator: z.string(),
    Threshold: z.number(),
    EvaluationPeriods: z.number(),
    DatapointsToAlarm: z.number().optional(),
    TreatMissingData: z.string(),
    Tags: z.array(z.object({ Key: z.string(), Value: z.string() })),
    Namespace: z.string().optional(),
    MetricName: z.string().optional(),
    Dimensions: dimensions,
    Period: z.number().optional(),
    Statistic: z.string().optional(),
    Unit: z.string().optional(),
    Metrics: z
      .array(
        z.object({
          Id: z.string(),
          Expression: z.string().optional(),
          MetricStat: stat.optional(),
          Period: z.number().optional(),
        }),
      )
      .optional(),
  }),
});
export type AlarmProperties = z.infer<typeof alarm>['Properties'];

/** A metric that an alarm or a graph asks for. */
export interface Asked {
  /** Who asks: the alarm's name or the widget's title. */
  readonly by: string;
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, unknown>>;
  readonly statistic: string;
  readonly unit: string | undefined;
}

/** Every alarm of a stage, those of its chains included. */
export const alarmsOf = ({ templates }: Pick<Synthesized, 'templates'>): readonly AlarmProperties[] =>
  templates.flatMap((template) =>
    Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      (resource) => alarm.parse(resource).Properties,
    ),
  );

/** What kind of alarm it is: the last part of its name. */
export const kindOf = ({ AlarmName }: Pick<AlarmProperties, 'AlarmName'>): string =>
  AlarmName.split('_').at(-1) ?? '';

const named = (list: z.infer<typeof dimensions>): Readonly<Record<string, unknown>> =>
  Object.fromEntries((list ?? []).map(({ Name, Value }) => [Name, Value]));

/** The metrics that an alarm asks for. */
export function askedByAlarm(properties: AlarmProperties): readonly Asked[] {
  const { AlarmName: by, Namespace, MetricName, Dimensions, Statistic, Unit, Metrics } = properties;
  if (Namespace !== undefined && MetricName !== undefined) {
    return [
      {
        ...{ by, namespace: Namespace, name: MetricName, dimensions: named(Dimensions) },
        statistic: Statistic ?? '',
        unit: Unit,
      },
    ];
  }
  return (Metrics ?? []).flatMap(({ MetricStat }) =>
    MetricStat === undefined
      ? []
      : [
          {
            ...{ by, namespace: MetricStat.Metric.Namespace, name: MetricStat.Metric.MetricName },
            dimensions: named(MetricStat.Metric.Dimensions),
            statistic: MetricStat.Stat,
            unit: MetricStat.Unit,
          },
        ],
  );
}

const entry = z.array(z.union([z.string(), z.record(z.string(), z.unknown())]));
const widget = z.object({
  type: z.enum(['text', 'metric', 'alarm']),
  width: z.number(),
  height: z.number(),
  x: z.number(),
  y: z.number(),
  properties: z.object({
    title: z.string().optional(),
    markdown: z.string().optional(),
    alarms: z.array(z.string()).optional(),
    states: z.array(z.string()).optional(),
    metrics: z.array(entry).optional(),
  }),
});
export type Widget = z.infer<typeof widget>;

/** The body of each dashboard; what is known after the deployment only is written as its logical id. */
export function dashboardsOf({ templates }: Pick<Synthesized, 'templates'>): readonly (readonly Widget[])[] {
  const resources = templates.flatMap((template) =>
    Object.values(template.findResources('AWS::CloudWatch::Dashboard')),
  );
  return resources.map((resource) => {
    const { DashboardBody } = z.object({ DashboardBody: z.unknown() }).parse(resource.Properties);
    return z.object({ widgets: z.array(widget) }).parse(JSON.parse(joined(DashboardBody))).widgets;
  });
}

/** The text of a Fn::Join, references as their logical ids. */
export function joined(value: unknown): string {
  if (typeof value === 'string') return value;
  const join = z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) }).safeParse(value);
  if (join.success) return join.data['Fn::Join'][1].map(joined).join(join.data['Fn::Join'][0]);
  return z.object({ Ref: z.string() }).parse(value).Ref;
}

/** The metrics that a widget asks for; sums are left out, what they add up is not. */
export const askedByWidget = ({ properties: { title = '', metrics = [] } }: Widget): readonly Asked[] =>
  metrics.flatMap((parts) => {
    const words = parts.filter((part) => typeof part === 'string');
    const [namespace, name, ...pairs] = words;
    if (namespace === undefined || name === undefined) return [];
    const options = z
      .object({ stat: z.string().optional() })
      .parse(parts.find((part) => typeof part === 'object') ?? {});
    const dimensions = Object.fromEntries(
      pairs.flatMap((value, at) => (at % 2 === 1 ? [[pairs[at - 1] ?? '', value]] : [])),
    );
    return [
      { by: title, namespace, name, dimensions, statistic: options.stat ?? 'Average', unit: undefined },
    ];
  });

/** All metrics that a stage's alarms and dashboards ask for. */
export async function askedBy(stage: 'dev' | 'staging' | 'prod'): Promise<readonly Asked[]> {
  const made = await synthesized(stage);
  return [
    ...alarmsOf(made).flatMap(askedByAlarm),
    ...dashboardsOf(made).flatMap((widgets) => widgets.flatMap(askedByWidget)),
  ];
}
