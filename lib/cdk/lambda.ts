import { resolve } from 'node:path';
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat, SourceMapMode } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ENV } from '../contract/names.ts';
import { acknowledge } from './nag.ts';
import { DIRECT, type Network } from './network.ts';
import { physicalName, type Stage } from './stage.ts';

/** Memory of every function in MB. It decides the share of a processor, and a call to an API mostly waits. */
const MEMORY = 256;

export interface StageFunctionProps {
  readonly stage: Stage;
  /** What the physical name says after the stage. */
  readonly nameParts: readonly string[];
  /** The entry point's name in `functions`. */
  readonly entry: string;
  /** The module that is bundled in the place of `#chains`. */
  readonly chains: string;
  /** What of `lib/adapters/targets` its bundle has in the place of a name: only what it uses. Left out where it calls no target. */
  readonly modules?: Readonly<Record<TargetModule, string>>;
  /** Seconds. */
  readonly timeout: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly description: string;
  /** Why X-Ray sees none of its runs; left out where it does. */
  readonly untraced?: string;
  /** Executions at once that are kept for this function, where the stage reserves any. */
  readonly reserve?: number;
  /** How it reaches targets; left out for a function that calls none. */
  readonly network?: Network;
}

/**
 * A Lambda function with its own log group, a bundle that holds only what it uses, and its own role. At first the role may only log
 * and trace; `allow` adds to it.
 * @example
 * const get = new StageFunction(this, 'Get', { stage, nameParts: ['get'], entry: 'get', chains, timeout: 20, environment, description: '…' });
 * get.allow(['dynamodb:Query'], [tableArn]);
 */
export class StageFunction extends Construct {
  readonly lambda: NodejsFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: StageFunctionProps) {
    super(scope, id);
    const { stage } = props;
    const functionName = physicalName(stage.name, ...props.nameParts);
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: stage.settings.logRetentionDays,
      // A log group that stays would keep its name, and a step that is added again could not be deployed.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What the function ${functionName} may do`,
    });
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    this.enter(props.network, functionName);
    const bundle = props.network?.bundle ?? DIRECT;
    this.lambda = new NodejsFunction(this, 'Function', {
      functionName,
      description: props.description,
      entry: `functions/${props.entry}.ts`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: MEMORY,
      timeout: Duration.seconds(props.timeout),
      ...(stage.reserves && props.reserve !== undefined
        ? { reservedConcurrentExecutions: props.reserve }
        : {}),
      role: this.role,
      ...props.network?.placement,
      logGroup,
      tracing: props.untraced === undefined ? Tracing.ACTIVE : Tracing.DISABLED,
      environment: {
        ...props.environment,
        ...props.network?.environment,
        [ENV.stage]: stage.name,
        [ENV.logLevel]: stage.settings.logLevel,
        [ENV.monitoring]: stage.settings.monitoring,
        ...backoffScale(stage),
        NODE_OPTIONS: '--enable-source-maps',
      },
      // Version 3 of the SDK keeps connections by default. The CDK would set a variable that only version 2 reads.
      awsSdkConnectionReuse: false,
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        minify: true,
        logLevel: LogLevel.WARNING,
        sourceMap: true,
        sourceMapMode: SourceMapMode.EXTERNAL,
        sourcesContent: false,
        // Ours is pinned. The SDK that Lambda brings changes without a deployment.
        externalModules: [],
        esbuildArgs: { '--alias:#chains': props.chains, '--alias:#proxy': bundle.proxy, ...aliasesOf(props) },
        ...(bundle.banner === undefined ? {} : { banner: bundle.banner }),
      },
    });
    acknowledge(
      this.lambda,
      'Serverless-LambdaDLQ',
      'API Gateway and SQS wait for its answer; the run of a schedule that fails is followed by the next one',
    );
    if (props.untraced !== undefined) acknowledge(this.lambda, 'Serverless-LambdaTracing', props.untraced);
    else {
      acknowledge(
        this.role,
        'AwsSolutions-IAM5[Resource::*]',
        'X-Ray takes traces from whoever may send them: its actions know no resources',
      );
    }
  }

  /** Lets Lambda put the function into the VPC of its network, if that has one. */
  private enter(network: Network | undefined, functionName: string): void {
    const arn = Stack.of(this).formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: functionName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    for (const { statement, wildcards } of network?.permissions(arn) ?? []) {
      this.role.addToPolicy(statement);
      for (const wildcard of wildcards) {
        acknowledge(
          this.role,
          `AwsSolutions-IAM5[Resource::${wildcard}]`,
          'Lambda makes the network interfaces of the VPC by this role, under ids that nobody knows before; the function itself may not',
        );
      }
    }
  }

  /** Lets the function do `actions` to `resources`, and nothing else. */
  allow(actions: readonly string[], resources: readonly string[], conditions = {}): void {
    if (resources.length === 0) return;
    this.role.addToPolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: [...actions],
        resources: [...resources],
        conditions,
      }),
    );
  }
}

/** Names that `functions/compose.ts` imports what belongs to targets by, without `#`. */
export const TARGET_MODULES = ['auth', 'stores'] as const;
type TargetModule = (typeof TARGET_MODULES)[number];

const aliasesOf = ({ modules }: StageFunctionProps): Readonly<Record<string, string>> =>
  Object.fromEntries(
    TARGET_MODULES.map((name) => [
      `--alias:#${name}`,
      resolve(`lib/adapters/targets/${name}/${modules?.[name] ?? 'none'}.ts`),
    ]),
  );

/** All functions read it: the reconciler's bounds are computed from the waits. */
const backoffScale = ({ settings }: Stage): Readonly<Record<string, string>> =>
  settings.backoffScale === undefined ? {} : { [ENV.backoffScale]: String(settings.backoffScale) };

/** What happens to data when its resource is removed. Nothing is kept of a deployment that failed: it would block the next one. */
export const removalOf = ({ settings }: Stage): RemovalPolicy =>
  settings.removal === 'retain' ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;

/** The condition that a key is used through this service only. */
export function through(scope: Construct, service: string): Readonly<Record<string, unknown>> {
  const { region, urlSuffix } = Stack.of(scope);
  return { StringEquals: { 'kms:ViaService': `${service}.${region}.${urlSuffix}` } };
}
