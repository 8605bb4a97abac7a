import { Duration, NestedStack, Stack } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Dashboard, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { physicalName, type Stage } from '../../stage.ts';
import { pagesOf } from '../pages.ts';
import { CHAIN_WIDGETS, chainRows, type ShownChain, STEP_METRICS } from './chain.ts';
import { apiRows, SHARED_METRICS, sharedRows } from './shared.ts';
import { alarmWidgets, type ShownAlarm, workflowGraphs } from './top.ts';
import { COLUMNS } from './widgets.ts';

/** What a dashboard can hold, beside its heading. Source: "CloudWatch service quotas", dashboards. */
const MOST = { widgets: 499, metrics: 2_500 } as const;
/** Metrics of one chain in the graphs of all chains: three counts and the repairs. */
const METRICS_OF_CHAIN = 4;
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

/**
 * What people on call look at: what is wrong, whether workflows make progress, what all chains share, then each chain. Chains that
 * do not fit on one dashboard are on a second one.
 * @example new StageDashboard(this, 'Dashboard', { foundation, api, chains }).url
 */
export class StageDashboard extends Construct {
  /** Where it is in the console. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: StageDashboardProps) {
    super(scope, id);
    const { foundation, chains } = props;
    const { name, settings } = foundation.stage;
    const top = this.top(props);
    const pages = pagesOf(chains, shareOfChain, 1, share(top.flat().length, topMetrics(chains.length)));
    const names = pages.map((_, at) => physicalName(name, ...(at === 0 ? [] : [`${at + 1}`])));
    const links = [
      `[Runbook](${settings.runbookUrl})`,
      ...(pages.length === 1 ? [] : names.map((page) => `[${page}](${this.urlOf(page)})`)),
    ];
    const heading = `# Stepline ${name}\n${links.join(' · ')}`;
    for (const [at, page] of pages.entries()) {
      this.addPage(at, names[at] ?? physicalName(name), [
        [new TextWidget({ markdown: heading, width: COLUMNS, height: 2 })],
        ...(at === 0 ? top : []),
        ...page.flatMap((chain) => chainRows(name, chain)),
      ]);
    }
    this.url = this.urlOf(physicalName(name));
  }

  private addPage(at: number, dashboardName: string, rows: readonly (readonly IWidget[])[]): void {
    // A template holds 1 MB, and a full dashboard takes half of that.
    const home = at === 0 ? this : new NestedStack(this, `Page${at + 1}`);
    new Dashboard(home, 'Page', {
      dashboardName,
      defaultInterval: SHOWN,
      widgets: rows.map((row) => [...row]),
    });
  }

  private urlOf(dashboard: string): string {
    const { region } = Stack.of(this);
    return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard}`;
  }

  /** What is shown above the chains. It does not grow with their number. */
  private top({ foundation, api, chains }: StageDashboardProps): readonly (readonly IWidget[])[] {
    const { name } = foundation.stage;
    return [
      alarmWidgets(
        this,
        [foundation, api, ...chains].flatMap(({ alarms }) => alarms),
      ),
      workflowGraphs(
        name,
        chains.map(({ chainName }) => chainName),
      ),
      ...apiRows(api.http, name),
      ...sharedRows(name, chains),
    ];
  }
}

/** How much of a dashboard something takes. */
const share = (widgets: number, metrics: number): number =>
  Math.max(widgets / MOST.widgets, metrics / MOST.metrics);

const shareOfChain = ({ steps }: ShownChain): number => share(CHAIN_WIDGETS, STEP_METRICS * steps.length);

const topMetrics = (chains: number): number => SHARED_METRICS + METRICS_OF_CHAIN * chains;
