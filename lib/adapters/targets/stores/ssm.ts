import { SSMProvider } from '@aws-lambda-powertools/parameters/ssm';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { ClientConfig, ReadSecret } from './store.ts';

/** The Parameter Store of AWS Systems Manager. */
export function ssm(config: ClientConfig): ReadSecret {
  const provider = new SSMProvider({ awsSdkV3Client: new SSMClient(config) });
  return (name, options) => provider.get(name, { ...options, decrypt: true });
}
