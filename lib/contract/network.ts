import * as z from 'zod';
import { readNoProxy, readProxy } from './proxy.ts';

/** Source: Lambda API, `VpcConfig`. */
const MOST_SUBNETS = 16;
const MOST_SECURITY_GROUPS = 5;

/** An id of EC2: eight digits, or seventeen since 2016. */
const id = (kind: string, what: string) =>
  z
    .string()
    .regex(
      new RegExp(`^${kind}-([0-9a-f]{8}|[0-9a-f]{17})$`),
      `expected the id of a ${what}, such as ${kind}-0123456789abcdef0`,
    );

const noTwice = (ids: readonly string[]): boolean => new Set(ids).size === ids.length;
const TWICE = 'one of them stands here twice';

/** A VPC that is there, and where in it the functions of the steps get their network interfaces. */
export const vpcSetting = z.strictObject({
  vpcId: id('vpc', 'VPC'),
  /** Private ones, in two availability zones or more: a function has no public address. */
  subnetIds: z.array(id('subnet', 'subnet')).min(1).max(MOST_SUBNETS).refine(noTwice, TWICE).readonly(),
  securityGroupIds: z
    .array(id('sg', 'security group'))
    .min(1)
    .max(MOST_SECURITY_GROUPS)
    .refine(noTwice, TWICE)
    .readonly(),
});

/** A proxy that the calls of targets go through. */
export const proxySetting = z.strictObject({
  url: z.string().superRefine((text, context) => {
    const read = readProxy(text);
    const message =
      'problem' in read
        ? read.problem
        : read.authorization === undefined
          ? undefined
          : 'holds a user name or password, but settings stand in the repository and in templates; leave it out, and let the proxy know the functions by their security group or address (setting vpc)';
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
  /** Hosts that are called directly, one an entry, as in `NO_PROXY`. */
  noProxy: z
    .array(
      z
        .string()
        .refine(
          (entry) => /^[^\s,]+$/.test(entry) && readNoProxy(entry).unknown.length === 0,
          'expected a host, .suffix, an address, a range such as 10.0.0.0/8, or *; each but a range may say a port',
        ),
    )
    .min(1)
    .readonly()
    .optional(),
});
