import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';

/** A finding that stays, and why. */
export interface Acknowledgement {
  readonly path: string;
  readonly id: string;
  readonly reason: string;
}

const acknowledged = new WeakMap<IConstruct, Acknowledgement[]>();

/** Says why a finding of cdk-nag on `construct` stays. */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
  const { root } = construct.node;
  acknowledged.set(root, [...(acknowledged.get(root) ?? []), { path: construct.node.path, id, reason }]);
}

/** Every finding of `app` that was acknowledged. */
export const acknowledgements = (app: IConstruct): readonly Acknowledgement[] => acknowledged.get(app) ?? [];

/** Checks `app` with cdk-nag's AwsSolutions and Serverless packs whenever it is synthesized: a finding ends the synthesis. */
export function checkWithNag(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
}
