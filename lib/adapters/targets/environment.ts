import type { SecretSource } from '../../contract/secrets.ts';
import { sourcesOf } from '../../contract/targets.ts';
import { EngineError } from '../../engine/errors.ts';
import type { SecretReader } from './reader.ts';
import type { TargetSettings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads secrets from the environment of this process, which does not change.
 * @example await environmentReader(process.env).read('env', 'PAY_KEY')
 */
export const environmentReader = (env: Environment): SecretReader => ({
  read: async (_store, name) => env[name],
  forget: () => undefined,
  renew: () => 'fresh',
});

/** The variable that a secret of a `run` step is read from where there is no stage: `webhook-key` from `STEPLINE_SECRET_WEBHOOK_KEY`. */
export const variableOf = (secret: string): string =>
  `STEPLINE_SECRET_${secret.toUpperCase().replaceAll('-', '_')}`;

/** @example secretsInEnvironment(['webhook-key']) // { 'webhook-key': { store: 'env', name: 'STEPLINE_SECRET_WEBHOOK_KEY' } } */
export const secretsInEnvironment = (names: readonly string[]): Readonly<Record<string, SecretSource>> =>
  Object.fromEntries(names.map((name) => [name, { store: 'env', name: variableOf(name) }]));

/**
 * Looks, at the start of one process, whether all that its targets have by reference is there.
 * Errors: `EngineError` `CONFIGURATION`, which names the field and what to write, or the variable that is not set.
 */
export function checkEnvironment(settings: TargetSettings, env: Environment): void {
  for (const [target, setting] of Object.entries(settings)) {
    for (const { at, source } of sourcesOf(setting)) {
      const field = `the target "${target}" has "${at}"`;
      if (source.store !== 'env') {
        throw configuration(
          `${field} in the store "${source.store}", and such secrets are read on AWS only: here write "store": "env" and the name of an environment variable`,
        );
      }
      const text = env[source.name];
      if (text === undefined || text === '') {
        throw configuration(
          `${field} in the environment variable "${source.name}", which is ${text === '' ? 'empty' : 'not set'}`,
        );
      }
    }
  }
}

const configuration = (message: string): EngineError => new EngineError('CONFIGURATION', message);
