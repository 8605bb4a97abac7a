import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { StepPlace } from '../chain/places.ts';
import { didYouMean } from '../chain/suggest.ts';
import type { SecretReference } from '../contract/targets.ts';
import { type StageFunction, through } from './lambda.ts';
import { SettingsError, type StageSettings } from './settings.ts';
import type { Stage } from './stage.ts';

type Targets = StageSettings['targets'];

/**
 * The settings of the targets that a step may call.
 * Errors: `SettingsError` if the stage has no settings for one of them, or if the definition does not tell which they are.
 */
export function targetsOf(stage: Stage, { chain, step, targets }: StepPlace): Targets {
  if (targets === undefined) {
    throw new SettingsError(
      `chain "${chain}", step "${step}": which targets its request calls cannot be found without real values. Name all of them in the step: targets: ['…'].`,
    );
  }
  const known = Object.keys(stage.settings.targets);
  return Object.fromEntries(
    targets.map((target) => {
      const settings = stage.settings.targets[target];
      if (settings !== undefined) return [target, settings];
      throw new SettingsError(
        `chain "${chain}", step "${step}": it calls the target "${target}", but the stage "${stage.name}" has no settings for it. ${didYouMean(target, known)}Write targets.${target}: { baseUrl: 'https://…', secret: { … } or 'none' }. The targets of the stage are ${known.join(', ') || 'none'}.`,
      );
    }),
  );
}

/** What the function reads about its targets: their addresses and the names of their secrets, never a secret. */
export const targetsEnvironment = (targets: Targets): string => JSON.stringify(targets);

/** Lets a function read the secrets of its targets. */
export function allowSecrets(fn: StageFunction, targets: Targets): void {
  for (const { secret } of Object.values(targets)) {
    if (secret !== undefined) allowSecret(fn, secret);
  }
}

const STORES = {
  // Secrets Manager adds a hyphen and six characters to every ARN.
  'secrets-manager': {
    service: 'secretsmanager',
    action: 'secretsmanager:GetSecretValue',
    resource: (fn: StageFunction, name: string) => arn(fn, 'secretsmanager', 'secret', `${name}-??????`),
  },
  ssm: {
    service: 'ssm',
    action: 'ssm:GetParameter',
    resource: (fn: StageFunction, name: string) => arn(fn, 'ssm', 'parameter', name.replace(/^\//, '')),
  },
} as const;

function allowSecret(fn: StageFunction, { store, name, keyArn }: SecretReference): void {
  const { service, action, resource } = STORES[store];
  fn.allow([action], [resource(fn, name)]);
  if (keyArn !== undefined) fn.allow(['kms:Decrypt'], [keyArn], through(fn, service));
}

const arn = (fn: StageFunction, service: string, resource: string, resourceName: string): string =>
  Stack.of(fn).formatArn({
    service,
    resource,
    resourceName,
    arnFormat: service === 'ssm' ? ArnFormat.SLASH_RESOURCE_NAME : ArnFormat.COLON_RESOURCE_NAME,
  });
