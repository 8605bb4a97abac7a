import type { Stages } from '../lib/cdk/settings.ts';

/**
 * What differs between the stages: where the targets are, who may call, who is told. Checked at every synthesis; a wrong
 * setting is named there. Secrets stand in Secrets Manager or the Parameter Store, never here.
 */
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

/** Where the people on call read docs/runbook.md. */
const runbookUrl = 'https://github.com/your-org/your-repo/blob/main/docs/runbook.md';

export const stages: Stages = {
  dev: {
    targets: targets('dev'),
    authorization: { type: 'iam' },
    throttling: { rate: 50, burst: 100 },
    logLevel: 'debug',
    logRetentionDays: 14,
    monitoring: 'lean',
    encryption: 'aws-owned',
    onCall: 'nobody',
    runbookUrl,
    removal: 'destroy',
    concurrency: 10,
  },
  staging: {
    targets: targets('staging'),
    authorization: { type: 'iam' },
    throttling: { rate: 50, burst: 100 },
    logLevel: 'info',
    logRetentionDays: 30,
    monitoring: 'full',
    encryption: 'customer-managed',
    onCall: { email: 'stepline-staging@example.com' },
    runbookUrl,
    removal: 'destroy',
    concurrency: 20,
  },
  // Twelve steps at 50 fit into an account's first limit of 1,000 executions at once; `npm run deploy` says how it adds up.
  prod: {
    targets: targets('prod'),
    authorization: { type: 'iam' },
    throttling: { rate: 100, burst: 200 },
    logLevel: 'info',
    logRetentionDays: 90,
    monitoring: 'full',
    encryption: 'customer-managed',
    onCall: { email: 'stepline-on-call@example.com' },
    runbookUrl,
    removal: 'retain',
    concurrency: 50,
  },
};
