import { resolve } from 'node:path';
import { Annotations, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import { type ISecurityGroup, type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { PROXY_ENV } from '../contract/proxy.ts';
import type { Stage } from './stage.ts';

/** What is bundled in the place of `#proxy`. */
const MODULES = { proxy: 'lib/adapters/http/proxy.ts', none: 'lib/adapters/http/no-proxy.ts' } as const;

/** The part of a bundle that the network decides. */
export interface NetworkBundle {
  readonly proxy: string;
  readonly banner?: string;
}

/** Of a function that calls nobody, and of a stage without a proxy. */
export const DIRECT: NetworkBundle = { proxy: resolve(MODULES.none) };

/** The agent's library finds modules of Node in a way that an ES module does not have by itself. */
const PROXIED: NetworkBundle = {
  proxy: resolve(MODULES.proxy),
  banner: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
};

/** What a role may do to a network interface, and where. */
const INTERFACE_ACTIONS = {
  make: ['ec2:CreateNetworkInterface'],
  // EC2 knows no resources for them.
  see: ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
  // Source: "Giving Lambda functions access to resources in an Amazon VPC": Lambda wants them for all resources of the account.
  end: ['ec2:DeleteNetworkInterface', 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'],
} as const;

/** A statement, and the wildcards of it that cdk-nag would find, as it writes them. */
interface Permission {
  readonly statement: PolicyStatement;
  readonly wildcards: readonly string[];
}

/**
 * How the functions that call targets reach them: from a VPC, through a proxy, both or neither.
 * @example new StageFunction(this, 'Worker', { network: foundation.network, … })
 */
export class Network extends Construct {
  readonly bundle: NetworkBundle;
  /** What the client of a step reads. */
  readonly environment: Readonly<Record<string, string>>;
  /** What Lambda is told of the VPC. */
  readonly placement: { readonly vpc?: IVpc; readonly securityGroups?: ISecurityGroup[] };
  private readonly stage: Stage;

  constructor(scope: Construct, id: string, { stage }: { readonly stage: Stage }) {
    super(scope, id);
    this.stage = stage;
    const { proxy } = stage.settings;
    this.bundle = proxy === undefined ? DIRECT : PROXIED;
    this.environment =
      proxy === undefined
        ? {}
        : {
            [PROXY_ENV.https]: proxy.url,
            [PROXY_ENV.http]: proxy.url,
            ...(proxy.noProxy === undefined ? {} : { [PROXY_ENV.none]: proxy.noProxy.join(',') }),
          };
    this.placement = this.place();
  }

  /**
   * What Lambda needs of a function's role to make its network interfaces. The function itself may do none of it: Lambda acts before there is one.
   * @param functionArn by its name, as the role comes before the function
   */
  permissions(functionArn: string): readonly Permission[] {
    const { vpc } = this.stage.settings;
    if (vpc === undefined) return [];
    const allow = (actions: readonly string[], resources: string[]): PolicyStatement =>
      new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources });
    const { make, see, end } = INTERFACE_ACTIONS;
    const all = '*';
    return [
      {
        statement: allow(make, [
          this.arn('network-interface', all),
          ...vpc.subnetIds.map((id) => this.arn('subnet', id)),
          ...vpc.securityGroupIds.map((id) => this.arn('security-group', id)),
        ]),
        wildcards: [this.shown('network-interface', all)],
      },
      { statement: allow(see, [all]), wildcards: [all] },
      { statement: allow(end, [this.arn(all, all)]), wildcards: [this.shown(all, all)] },
      {
        statement: new PolicyStatement({
          effect: Effect.DENY,
          actions: [...make, ...see, ...end],
          resources: [all],
          conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
        }),
        wildcards: [],
      },
    ];
  }

  private place(): Network['placement'] {
    const { vpc } = this.stage.settings;
    if (vpc === undefined) return {};
    const imported = Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId: vpc.vpcId,
      // Nothing of ours depends on the zones, and to look them up somebody would have to be signed in.
      availabilityZones: vpc.subnetIds.map((_, at) => `zone-${at}`),
      privateSubnetIds: [...vpc.subnetIds],
    });
    Annotations.of(imported).acknowledgeWarning(
      '@aws-cdk/aws-ec2:noSubnetRouteTableId',
      'nothing of ours changes a route',
    );
    return {
      vpc: imported,
      securityGroups: vpc.securityGroupIds.map((id) =>
        SecurityGroup.fromSecurityGroupId(this, id, id, { mutable: false }),
      ),
    };
  }

  private arn(resource: string, resourceName: string): string {
    return Stack.of(this).formatArn({
      service: 'ec2',
      resource,
      resourceName,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
  }

  /** The ARN as cdk-nag writes it: what CloudFormation fills in stands in angle brackets. */
  private shown(resource: string, resourceName: string): string {
    const { partition, region, account } = Stack.of(this);
    const known = (value: string, name: string): string =>
      Token.isUnresolved(value) ? `<AWS::${name}>` : value;
    const parts = [
      known(partition, 'Partition'),
      'ec2',
      known(region, 'Region'),
      known(account, 'AccountId'),
    ];
    return ['arn', ...parts, `${resource}/${resourceName}`].join(':');
  }
}
