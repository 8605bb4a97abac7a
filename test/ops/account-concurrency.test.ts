import {
  GetAccountSettingsCommand,
  GetFunctionConcurrencyCommand,
  LambdaClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import { accountConcurrency } from '../../lib/ops/account-concurrency.ts';

const lambda = mockClient(LambdaClient);
beforeEach(() => {
  lambda.reset();
});

const account = (limit: number, unreserved: number) =>
  lambda.on(GetAccountSettingsCommand).resolves({
    AccountLimit: { ConcurrentExecutions: limit, UnreservedConcurrentExecutions: unreserved },
  });

it('what the stage reserved before is not counted as somebody else’s', async () => {
  account(1_000, 700);
  lambda
    .on(GetFunctionConcurrencyCommand)
    .resolves({})
    .on(GetFunctionConcurrencyCommand, { FunctionName: 'stepline_dev_start' })
    .resolves({ ReservedConcurrentExecutions: 150 });
  expect(await accountConcurrency(['stepline_dev_start', 'stepline_dev_reconciler'], undefined)).toEqual({
    limit: 1_000,
    reservedByOthers: 150,
  });
});

it('functions that are not there yet reserve nothing', async () => {
  account(10, 10);
  lambda
    .on(GetFunctionConcurrencyCommand)
    .rejects(new ResourceNotFoundException({ message: 'no', Type: 'User', $metadata: {} }));
  expect(await accountConcurrency(['stepline_dev_start'], 'eu-central-1')).toEqual({
    limit: 10,
    reservedByOthers: 0,
  });
});

it.each(['AccessDeniedException', 'CredentialsProviderError'])(
  '%s is not taken for no reserve',
  async (name) => {
    account(10, 10);
    lambda.on(GetFunctionConcurrencyCommand).rejects(Object.assign(new Error('no'), { name }));
    await expect(accountConcurrency(['stepline_dev_start'], undefined)).rejects.toThrow('no');
  },
);

it('an answer without limits is an error', async () => {
  lambda.on(GetAccountSettingsCommand).resolves({});
  await expect(accountConcurrency([], undefined)).rejects.toThrow('names no limit');
});
