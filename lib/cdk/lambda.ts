import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat, SourceMapMode } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ENV } from '../contract/names.ts';
import { acknowledge } from './nag.ts';
import { physicalName, type Stage } from './stage.ts';

/** Memory of every function in MB: with it comes the share of a processor, and a call to an API mostly waits. */
const MEMORY = 256;

export interface StageFunctionProps {
  readonly stage: Stage;
  /** What the physical name says after the stage. */
  readonly nameParts: readonly string[];
  /** The entry point's name in `functions`. */
  readonly entry: string;
  /** The module that is bundled in the place of `#chains`. */
  readonly chains: string;
  /** Seconds. */
  readonly timeout: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly description: string;
}

/**
 * A Lambda function of ours: its own role that may do nothing but log and trace until it is told, its own log group, and a
 * bundle that holds what it uses.
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
      // A name that is kept would stand in the way of a step that is taken back.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What the function ${functionName} may do`,
    });
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    this.lambda = new NodejsFunction(this, 'Function', {
      functionName,
      description: props.description,
      entry: `functions/${props.entry}.ts`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: MEMORY,
      timeout: Duration.seconds(props.timeout),
      role: this.role,
      logGroup,
      tracing: Tracing.ACTIVE,
      environment: {
        ...props.environment,
        [ENV.stage]: stage.name,
        [ENV.logLevel]: stage.settings.logLevel,
        NODE_OPTIONS: '--enable-source-maps',
      },
      // Keep-alive is the SDK's default; the variable that CDK would set for it is of version 2.
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
        // The SDK that Lambda brings changes under the function: ours is pinned.
        externalModules: [],
        esbuildArgs: { '--alias:#chains': props.chains },
      },
    });
    acknowledge(
      this.lambda,
      'Serverless-LambdaDLQ',
      'API Gateway and SQS wait for its answer; the run of a schedule that fails is followed by the next one',
    );
    acknowledge(
      this.role,
      'AwsSolutions-IAM5[Resource::*]',
      'X-Ray takes traces from whoever may send them: its actions know no resources',
    );
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

/** What a stage keeps it keeps, but not from a deployment that failed: that would stand in the way of the next one. */
export const removalOf = ({ settings }: Stage): RemovalPolicy =>
  settings.removal === 'retain' ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;

/** The condition that a key is used through this service only. */
export function through(scope: Construct, service: string): Readonly<Record<string, unknown>> {
  const { region, urlSuffix } = Stack.of(scope);
  return { StringEquals: { 'kms:ViaService': `${service}.${region}.${urlSuffix}` } };
}
