import { chains } from '../functions/chains/index.ts';
import { planReserve, type ReservePlan } from '../lib/cdk/reserve.ts';
import { SettingsError, settingsOf } from '../lib/cdk/settings.ts';
import { physicalName } from '../lib/cdk/stage.ts';
import type { SettledStage } from '../lib/contract/names.ts';
import { namedMessageOf } from '../lib/engine/errors.ts';
import { accountConcurrency } from '../lib/ops/account-concurrency.ts';
import { stages } from './stages.ts';

/** AWS was asked and did not answer. */
export class AccountUnknown extends SettingsError {}

/** The functions that a stage reserves executions for. */
const RESERVING = ['start', 'step-failed', 'reconciler'] as const;

/**
 * Whether the account of a stage has room for the stage's reserve.
 * Errors: `AccountUnknown`, which says how to go on.
 */
export async function reservePlan(stage: SettledStage): Promise<ReservePlan> {
  const settings = settingsOf(stages, stage);
  const own = RESERVING.map((name) => physicalName(stage, name));
  const account = await accountConcurrency(own, settings.region).catch((error: unknown) => {
    const why = namedMessageOf(error);
    throw new AccountUnknown(
      `Cannot read how many functions the account may run at once: ${why}. Sign in as somebody who may lambda:GetAccountSettings and lambda:GetFunctionConcurrency, or say -c reserve=made or -c reserve=none.`,
    );
  });
  return planReserve({ settings, chains: chains.map((definition) => ({ definition })) }, account);
}
