import type { Stages } from '../../lib/cdk/settings.ts';

const target = (stage: string, name: string) =>
  ({
    baseUrl: `https://${name}.${stage}.example.com`,
    secret: {
      store: 'secrets-manager',
      name: `stepline/${stage}/${name}`,
      header: 'authorization',
      prefix: 'Bearer ',
    },
  }) as const;

const targets = (stage: string) => ({
  payments: target(stage, 'payments'),
  shipping: target(stage, 'shipping'),
  mail: target(stage, 'mail'),
  sms: target(stage, 'sms'),
  push: target(stage, 'push'),
  identity: target(stage, 'identity'),
  accounts: target(stage, 'accounts'),
  crm: target(stage, 'crm'),
  analytics: target(stage, 'analytics'),
  billing: target(stage, 'billing'),
});

const runbookUrl = 'https://github.com/your-org/your-repo/blob/main/docs/runbook.md';

/**
 * Stages to test with. `bin/stages.ts` belongs to whoever uses Stepline: what is written there must change no test. `dev` and `prod` have
 * all that there is, `staging` is the lean one.
 */
export const stages: Stages = {
  dev: {
    targets: targets('dev'),
    authorization: { type: 'iam' },
    throttling: { rate: 50, burst: 100 },
    logLevel: 'debug',
    logRetentionDays: 14,
    onCall: 'nobody',
    runbookUrl,
    removal: 'destroy',
    concurrency: 10,
  },
  staging: {
    targets: targets('staging'),
    authorization: { type: 'iam' },
    throttling: { rate: 200, burst: 400 },
    logLevel: 'info',
    logRetentionDays: 30,
    monitoring: 'lean',
    encryption: 'aws-owned',
    onCall: { email: 'stepline-staging@example.com' },
    runbookUrl,
    removal: 'destroy',
    concurrency: 50,
  },
  prod: {
    targets: targets('prod'),
    authorization: { type: 'iam' },
    throttling: { rate: 1_000, burst: 2_000 },
    logLevel: 'info',
    logRetentionDays: 90,
    onCall: { email: 'stepline-on-call@example.com' },
    runbookUrl,
    removal: 'retain',
    concurrency: 100,
  },
};
