import type { StageSettings } from './settings.ts';

/** All checks look at their workflows at a time, some twice a second. */
const THROTTLING = { rate: 200, burst: 400 } as const;

/**
 * The settings of the stage `probe`, beside the stage whose settings these are: the same account, region and concurrency,
 * but nobody's targets and secrets, nobody who is told, and nothing that stays.
 * @param emulator whether it is deployed to an emulator on this machine
 * @example probeSettings(settingsOf(stages, 'prod'), false).removal // 'destroy'
 */
export const probeSettings = (of: StageSettings, emulator: boolean): StageSettings => ({
  ...(of.account === undefined ? {} : { account: of.account }),
  ...(of.region === undefined ? {} : { region: of.region }),
  targets: {},
  // Whoever may deploy may sign; a token of the stage's issuer is not at hand.
  authorization: { type: 'iam' },
  throttling: THROTTLING,
  // The checks read which messages were brought back for nothing.
  logLevel: 'debug',
  logRetentionDays: 1,
  onCall: 'nobody',
  runbookUrl: of.runbookUrl,
  removal: 'destroy',
  concurrency: of.concurrency,
  ...(emulator ? { emulator } : {}),
});
