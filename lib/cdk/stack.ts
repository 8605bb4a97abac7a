import { CfnOutput, NestedStack, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Api } from './api.ts';
import { Chain } from './chain.ts';
import { Foundation } from './foundation.ts';
import { StageDashboard } from './monitoring/dashboard/dashboard.ts';
import { savedQueries } from './monitoring/queries.ts';
import type { ChainSource, Stage } from './stage.ts';

export interface SteplineStackProps extends StackProps {
  readonly stage: Stage;
}

/**
 * One stage of Stepline. Each chain is a nested stack, because a stack holds 500 resources at most.
 * @example new SteplineStack(app, 'stepline-dev', { stage: { name: 'dev', settings, chains } });
 */
export class SteplineStack extends Stack {
  constructor(scope: Construct, id: string, { stage, ...props }: SteplineStackProps) {
    super(scope, id, props);
    const foundation = new Foundation(this, 'Foundation', { stage });
    const api = new Api(this, 'Api', { foundation });
    const chains = [...byName(stage.chains)].map(
      ([name, versions]) => new Chain(new NestedStack(this, name), 'Chain', { foundation, versions }),
    );
    // The start function is deployed last: a workflow of a new version must find functions that know the version.
    api.functions.start.node.addDependency(...chains);
    // MiniStack refuses a template with a type of resource that it does not know.
    if (!stage.settings.emulator) savedQueries(this, { stage, functions: Object.keys(api.functions) });
    new CfnOutput(this, 'ApiUrl', { value: api.url, description: 'Where workflows are started and read' });
    if (stage.settings.monitoring === 'lean') return;
    const dashboard = new StageDashboard(this, 'Dashboard', { foundation, api, chains });
    new CfnOutput(this, 'DashboardUrl', {
      value: dashboard.url,
      description: 'What goes on, and what is wrong',
    });
  }
}

/** The versions of each chain. */
function byName(chains: readonly ChainSource[]): ReadonlyMap<string, readonly ChainSource[]> {
  const versions = new Map<string, readonly ChainSource[]>();
  for (const chain of chains) {
    const { name } = chain.definition;
    versions.set(name, [...(versions.get(name) ?? []), chain]);
  }
  return versions;
}
