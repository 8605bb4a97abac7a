import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { StepPlace } from '../chain/places.ts';
import { didYouMean } from '../chain/suggest.ts';
import type { SecretSource } from '../contract/secrets.ts';
import { sourcesOf } from '../contract/targets.ts';
import { type StageFunction, through } from './lambda.ts';
import { acknowledge } from './nag.ts';
import { SettingsError, type StageSettings } from './settings.ts';
import type { Stage } from './stage.ts';

type Targets = StageSettings['targets'];
type Secrets = Readonly<Record<string, SecretSource>>;

/**
 * The settings of the targets that a step may call.
 * Errors: `SettingsError` if the stage has no settings for one of them, or if the definition does not tell which they are.
 */
export function targetsOf(stage: Stage, { chain, step, targets }: StepPlace): Targets {
  if (targets === undefined) {
    throw new SettingsError(
      `chain "${chain}", step "${step}": its request function does not show by itself which targets it calls. Name all of them in the step: targets: ['…'].`,
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

/**
 * The secrets that the code of a step reads.
 * Errors: `SettingsError` if the stage has no settings for one of them.
 */
export function secretsOf(stage: Stage, { chain, step, secrets }: StepPlace): Secrets {
  const { secrets: settings = {} } = stage.settings;
  const known = Object.keys(settings);
  return Object.fromEntries(
    secrets.map((name) => {
      const source = settings[name];
      if (source !== undefined) return [name, source];
      throw new SettingsError(
        `chain "${chain}", step "${step}": it reads the secret "${name}", but the stage "${stage.name}" has no settings for it. ${didYouMean(name, known)}Write secrets: { '${name}': { store: 'secrets-manager', name: 'stepline/${stage.name}/${name}' } }. The secrets of the stage are ${known.join(', ') || 'none'}.`,
      );
    }),
  );
}

/** Lets a function read the secrets of its targets and of its code, and call what it signs requests for. */
export function allowTargets(fn: StageFunction, targets: Targets, secrets: Secrets): void {
  const byName = new Map(
    sourcesIn(targets, secrets).map((one) => [`${one.store} ${one.name} ${one.keyArn}`, one]),
  );
  for (const source of byName.values()) allowSecret(fn, source);
  for (const [name, { auth }] of Object.entries(targets)) {
    if (auth?.type !== 'sigv4' || auth.allow === undefined) continue;
    const { actions, resources } = auth.allow;
    fn.allow(actions, resources);
    for (const resource of resources.filter((one) => one.includes('*'))) {
      const why = `the settings of the target ${name} name these resources`;
      acknowledge(fn.role, `AwsSolutions-IAM5[Resource::${resource}]`, why);
    }
  }
}

/** What of the code for targets a step's bundle needs: no kind of `auth`, and no client of a store, that no setting asks for. */
export function modulesOf(
  targets: Targets,
  secrets: Secrets,
): { readonly auth: 'all' | 'none'; readonly stores: string } {
  const stores = [...new Set(sourcesIn(targets, secrets).map(({ store }) => store))];
  const [store = 'none', ...others] = stores;
  return {
    auth: Object.values(targets).some(({ auth }) => auth !== undefined) ? 'all' : 'none',
    stores: others.length > 0 ? 'all' : store === 'none' ? store : `only-${store}`,
  };
}

const sourcesIn = (targets: Targets, secrets: Secrets): readonly SecretSource[] => [
  ...Object.values(targets).flatMap((target) => sourcesOf(target).map(({ source }) => source)),
  ...Object.values(secrets),
];

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

function allowSecret(fn: StageFunction, { store, name, keyArn }: SecretSource): void {
  // Lambda has no variables of the user's: the settings refuse it.
  if (store === 'env') return;
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
