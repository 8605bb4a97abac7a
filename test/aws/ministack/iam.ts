import { signedFetch } from './api.ts';
import type { MiniStack } from './ministack.ts';

/** One statement of an IAM policy. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/**
 * An IAM user with a policy, as an environment to be used instead of `aws.env`. On a MiniStack with `auth` only such a
 * user's requests are held to signature and policy: those of root, which is the key `test`, never are.
 * @example const reader = await createUser(aws, 'reader', [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: '*' }]);
 */
export async function createUser(
  aws: MiniStack,
  name: string,
  policy: readonly Statement[],
): Promise<Readonly<Record<string, string>>> {
  const send = signedFetch(aws.endpoint, aws.env, 'iam');
  const request = async (action: string, parameters: Record<string, string> = {}): Promise<string> => {
    const body = new URLSearchParams({
      Action: action,
      Version: '2010-05-08',
      UserName: name,
      ...parameters,
    });
    const reply = await send('/', { method: 'POST', body });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${action} of ${name} answered ${reply.status}: ${text}`);
    return text;
  };
  await request('CreateUser');
  await request('PutUserPolicy', {
    PolicyName: 'inline',
    PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: policy }),
  });
  const keys = await request('CreateAccessKey');
  return {
    ...aws.env,
    AWS_ACCESS_KEY_ID: elementOf(keys, 'AccessKeyId'),
    AWS_SECRET_ACCESS_KEY: elementOf(keys, 'SecretAccessKey'),
  };
}

function elementOf(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  if (text === undefined) throw new Error(`no ${name} in ${xml}`);
  return text;
}
