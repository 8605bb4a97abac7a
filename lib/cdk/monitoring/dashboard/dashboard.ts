import { Duration, NestedStack, Stack } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Dashboard, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { StageName } from '../../../contract/names.ts';
import { physicalName, type Stage, tableName } from '../../stage.ts';
import { pagesOf } from '../pages.ts';
import { chainRows, type ShownChain, STEP_METRICS } from './chain.ts';
import { apiRows, SHARED_METRICS, sharedRows } from './shared.ts';
import { alarmRows, type ShownAlarm, workflowGraphs } from './top.ts';
import { COLUMNS } from './widgets.ts';

/**
 * What a dashboard can hold, beside its heading, and its template. Sources: "CloudWatch service quotas", dashboards; "CloudFormation
 * quotas", template body.
 */
const MOST = { widgets: 499, metrics: 2_500, bytes: 900_000 } as const;
/** What each takes in the template at most: the ARN of an alarm, with what CloudFormation fills in, and a metric with its look. */
const BYTES = { alarm: 256, metric: 300 } as const;
/** Metrics of one chain in the graphs of all chains. */
const METRICS_OF_CHAIN = 5;
/** The time range that it shows when it is opened. */
const SHOWN = Duration.hours(3);

export interface StageDashboardProps {
  readonly foundation: Alarmed & { readonly stage: Stage };
  readonly api: Alarmed & { readonly http: HttpApi };
  readonly chains: readonly (Alarmed & ShownChain)[];
}

/** What has alarms of its own. */
interface Alarmed {
  readonly alarms: readonly ShownAlarm[];
}

/** Rows that stay together, and how much of a dashboard they take. */
interface Part {
  readonly rows: readonly (readonly IWidget[])[];
  readonly share: number;
}

/**
 * What people on call look at: what is wrong, whether workflows make progress, what all chains share, then each chain. What does not
 * fit on one dashboard is on a second one. Each is in a nested stack, because a template holds 1 MB and a full dashboard takes most
 * of that.
 * @example new StageDashboard(this, 'Dashboard', { foundation, api, chains }).url
 */
export class StageDashboard extends Construct {
  /** Where the first one is in the console. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: StageDashboardProps) {
    super(scope, id);
    const { name, settings } = props.foundation.stage;
    const pages = pagesOf(this.parts(props), ({ share }) => share, 1);
    const names = pages.map((_, at) => nameOf(name, at));
    const links = [
      `[Runbook](${settings.runbookUrl})`,
      ...(pages.length === 1 ? [] : names.map((page) => `[${page}](${this.urlOf(page)})`)),
    ];
    const heading = `# Stepline ${name}\n${links.join(' · ')}`;
    for (const [at, parts] of pages.entries()) {
      new Dashboard(new NestedStack(this, `Page${at + 1}`), 'Page', {
        dashboardName: nameOf(name, at),
        defaultInterval: SHOWN,
        widgets: [
          [new TextWidget({ markdown: heading, width: COLUMNS, height: 2 })],
          ...parts.flatMap(({ rows }) => rows.map((row) => [...row])),
        ],
      });
    }
    this.url = this.urlOf(nameOf(name, 0));
  }

  private urlOf(dashboard: string): string {
    const { region } = Stack.of(this);
    return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard}`;
  }

  private parts({ foundation, api, chains }: StageDashboardProps): readonly Part[] {
    const { name } = foundation.stage;
    const alarms = [foundation, api, ...chains].flatMap((one) => one.alarms);
    const shared = [
      workflowGraphs(
        name,
        chains.map(({ chainName }) => chainName),
      ),
      ...apiRows(api.http, name),
      ...sharedRows({ name, table: tableName(foundation.stage) }),
    ];
    return [
      ...alarmRows(this, alarms).map(({ row, alarms: shown }) => ({
        rows: [row],
        share: shareOf({ rows: [row], alarms: shown }),
      })),
      {
        rows: shared,
        share: shareOf({ rows: shared, metrics: SHARED_METRICS + METRICS_OF_CHAIN * chains.length }),
      },
      ...chains.map((chain) => {
        const rows = chainRows(name, chain);
        return { rows, share: shareOf({ rows, metrics: STEP_METRICS * chain.steps.length }) };
      }),
    ];
  }
}

/** Not the stage's name alone: dashboards of this name were once in another stack, and two stacks must not own one dashboard. */
const nameOf = (stage: StageName, at: number): string =>
  `${physicalName(stage, 'dashboard')}${at === 0 ? '' : `-${at + 1}`}`;

/** How much of a dashboard something takes. */
function shareOf({
  rows,
  metrics = 0,
  alarms = 0,
}: Pick<Part, 'rows'> & { readonly metrics?: number; readonly alarms?: number }): number {
  const bytes = alarms * BYTES.alarm + metrics * BYTES.metric;
  return Math.max(rows.flat().length / MOST.widgets, metrics / MOST.metrics, bytes / MOST.bytes);
}
