import {
  GetAccountSettingsCommand,
  GetFunctionConcurrencyCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';

/**
 * Reads how many executions Lambda lets the account have at once in a region, and how many of them are reserved for other functions,
 * as whoever is signed in to AWS.
 * Errors: those of the SDK, such as missing credentials.
 * @param own names of functions whose reserve is about to be set anew; those that are not there reserve nothing
 * @param region undefined for the one that the environment says
 * @example await accountConcurrency(['stepline_dev_start'], 'eu-central-1') // { limit: 1000, reservedByOthers: 0 }
 */
export async function accountConcurrency(
  own: readonly string[],
  region: string | undefined,
): Promise<{ readonly limit: number; readonly reservedByOthers: number }> {
  const client = new LambdaClient(region === undefined ? {} : { region });
  try {
    const [{ AccountLimit }, ...reserves] = await Promise.all([
      client.send(new GetAccountSettingsCommand({})),
      ...own.map((name) => reservedFor(client, name)),
    ]);
    const { ConcurrentExecutions: limit, UnreservedConcurrentExecutions: unreserved } = AccountLimit ?? {};
    if (limit === undefined || unreserved === undefined) {
      throw new Error('GetAccountSettings names no limit of concurrent executions');
    }
    const ours = reserves.reduce((sum, reserve) => sum + reserve, 0);
    return { limit, reservedByOthers: limit - unreserved - ours };
  } finally {
    client.destroy();
  }
}

async function reservedFor(client: LambdaClient, FunctionName: string): Promise<number> {
  try {
    const { ReservedConcurrentExecutions = 0 } = await client.send(
      new GetFunctionConcurrencyCommand({ FunctionName }),
    );
    return ReservedConcurrentExecutions;
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return 0;
    throw error;
  }
}
