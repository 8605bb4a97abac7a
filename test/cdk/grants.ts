import * as z from 'zod';
import type { Synthesized } from './synth.ts';

const oneOrMore = z.union([z.unknown().array(), z.unknown()]).transform((value) => [value].flat());
const policy = z.object({
  Roles: z.array(z.object({ Ref: z.string() })),
  PolicyDocument: z.object({
    Statement: z.array(
      z.object({
        Effect: z.string(),
        Action: oneOrMore.transform((actions) => actions.map(String)),
        Resource: oneOrMore,
        Condition: z
          .looseObject({
            'ForAllValues:StringEquals': z.object({ 'dynamodb:LeadingKeys': z.array(z.string()) }).optional(),
          })
          .optional(),
      }),
    ),
  }),
});
const role = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) });

/** One thing that a function may do. */
export interface Grant {
  readonly action: string;
  /** With the parts that CloudFormation fills in as `*`-free words, such as `${Table.Arn}`. */
  readonly resource: string;
  /** Only items of the table under these partition keys; absent where there is no such condition. */
  readonly partitions?: readonly string[];
}

/** What each function may do, by its physical name. */
export function grants(synthesized: Synthesized): ReadonlyMap<string, readonly Grant[]> {
  const policies = synthesized
    .all('AWS::IAM::Policy')
    .map(({ stack, properties }) => ({ stack, ...policy.parse(properties) }));
  return new Map(
    synthesized.all('AWS::Lambda::Function').map(({ stack, properties }) => {
      const [id] = role.parse(properties.Role)['Fn::GetAtt'];
      const own = policies.filter((one) => one.stack === stack && one.Roles.some(({ Ref }) => Ref === id));
      const statements = own.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
      const list = statements.flatMap(({ Action, Resource, Condition }) => {
        const partitions = Condition?.['ForAllValues:StringEquals']?.['dynamodb:LeadingKeys'];
        const only = partitions === undefined ? {} : { partitions };
        return Action.flatMap((action) =>
          Resource.map((resource) => ({ action, resource: textOf(resource), ...only })),
        );
      });
      return [String(properties.FunctionName), list];
    }),
  );
}

/** Who assumes which role: the logical id of each function's role, by the function's name. */
export const rolesOf = (synthesized: Synthesized): ReadonlyMap<string, string> =>
  new Map(
    synthesized
      .all('AWS::Lambda::Function')
      .map(({ properties }) => [
        String(properties.FunctionName),
        role.parse(properties.Role)['Fn::GetAtt'][0],
      ]),
  );

/** A value of a template as text: references in `${…}`. */
export function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Ref' in value) return `\${${String(value.Ref)}}`;
  if ('Fn::GetAtt' in value) return `\${${[value['Fn::GetAtt']].flat().join('.')}}`;
  if ('Fn::Join' in value && Array.isArray(value['Fn::Join'])) {
    const [glue, parts]: readonly unknown[] = value['Fn::Join'];
    return Array.isArray(parts) ? parts.map(textOf).join(String(glue)) : JSON.stringify(value);
  }
  return JSON.stringify(value);
}
