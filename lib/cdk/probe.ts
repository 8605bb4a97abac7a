import type { StageSettings } from './settings.ts';

/** All checks look at their workflows at the same time, some twice a second. */
const THROTTLING = { rate: 200, burst: 400 } as const;

/**
 * The settings of the stage `probe`, made from those of another stage. It has the same account, region and concurrency,
 * but no targets and no secrets. It tells nobody and leaves nothing behind.
 * @param emulator whether it is deployed to an emulator on this machine
 * @example probeSettings(settingsOf(stages, 'prod'), false).removal // 'destroy'
 */
export const probeSettings = (of: StageSettings, emulator: boolean): StageSettings => ({
  ...(of.account === undefined ? {} : { account: of.account }),
  ...(of.region === undefined ? {} : { region: of.region }),
  targets: {},
  // Whether its subnets lead to the queues and the table shows only there.
  ...(of.vpc === undefined ? {} : { vpc: of.vpc }),
  // Whoever may deploy can sign requests, but has no token of the stage's issuer.
  authorization: { type: 'iam' },
  throttling: THROTTLING,
  // The checks read in the log which messages were ignored.
  logLevel: 'debug',
  logRetentionDays: 1,
  // Nobody watches it, and it is billed by the hour.
  monitoring: 'lean',
  encryption: of.encryption,
  onCall: 'nobody',
  runbookUrl: of.runbookUrl,
  removal: 'destroy',
  concurrency: of.concurrency,
  ...(emulator ? { emulator } : {}),
});
