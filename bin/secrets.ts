import { chains } from '../functions/chains/index.ts';
import { SettingsError, settingsOf } from '../lib/cdk/settings.ts';
import { stepPlaces } from '../lib/chain/places.ts';
import type { SettledStage } from '../lib/contract/names.ts';
import { sourcesOf } from '../lib/contract/targets.ts';
import { namedMessageOf } from '../lib/engine/errors.ts';
import { missingSecrets } from '../lib/ops/missing-secrets.ts';
import { stages } from './stages.ts';

/** The context that switches the check off: `-c secrets=unchecked`. */
export const SECRETS_CONTEXT = { name: 'secrets', unchecked: 'unchecked' } as const;

/** AWS was asked and did not answer. */
export class SecretsUnknown extends SettingsError {}

/**
 * A secret that is missing would show at the first call only, as a failed step.
 * Errors: `SettingsError`, which names every missing secret and the command that makes it; `SecretsUnknown`.
 */
export async function refuseWithoutSecrets(stage: SettledStage): Promise<void> {
  const settings = settingsOf(stages, stage);
  const places = stepPlaces(chains);
  const called = new Set(places.flatMap(({ targets = [] }) => targets));
  const read = new Set(places.flatMap(({ secrets }) => secrets));
  const wanted = [
    ...Object.entries(settings.targets).flatMap(([name, target]) =>
      called.has(name)
        ? sourcesOf(target).map(({ at, source }) => ({ at: `targets.${name}.${at}`, source }))
        : [],
    ),
    ...Object.entries(settings.secrets ?? {}).flatMap(([name, source]) =>
      read.has(name) ? [{ at: `secrets.${name}`, source }] : [],
    ),
  ];
  const missing = await missingSecrets(wanted, settings.region).catch((error: unknown) => {
    const why = namedMessageOf(error);
    throw new SecretsUnknown(
      `Cannot find out whether the secrets of stage "${stage}" exist: ${why}. Sign in (aws sso login), and set AWS_REGION, or region in bin/stages.ts.`,
    );
  });
  if (missing.length === 0) return;
  const lines = missing.map(
    ({ at, source, remedy }) => `  ${at}: there is no "${source.name}" (${source.store}). Make it: ${remedy}`,
  );
  throw new SettingsError(
    [
      `Secrets of stage "${stage}" are missing:`,
      ...lines,
      `To go on without this check: -c ${SECRETS_CONTEXT.name}=${SECRETS_CONTEXT.unchecked}`,
    ].join('\n'),
  );
}
