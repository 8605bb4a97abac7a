import * as z from 'zod';
import { HEADER_VALUE } from '../../contract/headers.ts';
import { createSecretCommand, type SecretReference } from '../../contract/targets.ts';
import { EngineError } from '../../engine/errors.ts';
import type { ResolvedTarget, Targets } from '../../engine/ports.ts';
import type { SecretReader } from './secret-reader.ts';
import type { TargetSettings } from './settings.ts';

/**
 * The targets of a deployed step: at once where the settings are all there is, else once the secret was read.
 * Errors: `resolve` throws or rejects with `EngineError` `TARGET_MISSING` where someone has to mend the settings or the
 * secret, and `SECRET_UNAVAILABLE` where the store of secrets may answer later. They name target and secret, never a value.
 * @example
 * const targets = createSecretTargets(parseTargets(json, process.env), createSecretReader(clients));
 * const { baseUrl, headers } = await targets.resolve('payments');
 */
export function createSecretTargets(settings: TargetSettings, reader: SecretReader): Targets {
  const known = new Map(Object.entries(settings));
  return {
    resolve(name) {
      const found = known.get(name);
      if (found === undefined) throw notGiven(name, [...known.keys()]);
      const { secret, ...target } = found;
      return secret === undefined ? target : withSecret({ name, secret }, target, reader);
    },
  };
}

/** A function has the targets that its step names, out of the stage's settings. */
function notGiven(name: string, known: readonly string[]): EngineError {
  const names = known.map((key) => `"${key}"`).join(', ');
  return new EngineError(
    'TARGET_MISSING',
    `this function has no target "${name}"; it has ${names === '' ? 'none' : names}`,
    {
      next: `Add "${name}" to the targets of the stage in bin/stages.ts, name it in the targets of the step, and deploy.`,
    },
  );
}

/** A secret, and the target that it belongs to. */
interface Wanted {
  readonly name: string;
  readonly secret: SecretReference;
}

async function withSecret(
  wanted: Wanted,
  { baseUrl, headers }: ResolvedTarget,
  reader: SecretReader,
): Promise<ResolvedTarget> {
  const { store, name, header, prefix } = wanted.secret;
  const read = await reader.read(store, name).catch((error: unknown) => {
    throw unread(wanted, error);
  });
  try {
    const value = headerValueOf(wanted, textOf(wanted, read));
    return { baseUrl, headers: { ...headers, [header]: prefix + value }, secrets: [value] };
  } catch (error) {
    // Who mends it resumes at once, and must not meet what was kept.
    reader.forget(store, name);
    throw error;
  }
}

function textOf(wanted: Wanted, read: string | Uint8Array | undefined): string {
  if (typeof read === 'string') return read;
  throw wrong(wanted, read === undefined ? 'is empty' : 'is binary; save it as text');
}

function headerValueOf(wanted: Wanted, text: string): string {
  const { field } = wanted.secret;
  const whole = field === undefined ? text : fieldOf(wanted, text, field);
  // A secret that was saved from a file ends with a line break.
  const value = whole.trimEnd();
  const place = field === undefined ? '' : ` in its field "${field}"`;
  if (value === '') throw wrong(wanted, `is empty${place}`);
  if (!HEADER_VALUE.test(value)) throw wrong(wanted, `has a character that HTTP does not allow${place}`);
  return value;
}

function fieldOf(wanted: Wanted, text: string, field: string): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // What JSON.parse throws quotes the text: nothing of it goes on.
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(json);
  const value = parsed.success && Object.hasOwn(parsed.data, field) ? parsed.data[field] : undefined;
  if (typeof value === 'string') return value;
  throw wrong(wanted, `is no JSON object with a text in the field "${field}"`);
}

const shown = ({ name, secret }: Wanted): string => `secret "${secret.name}" of target "${name}"`;

const wrong = (wanted: Wanted, problem: string, next?: string): EngineError =>
  new EngineError('TARGET_MISSING', `${shown(wanted)} ${problem}`, next === undefined ? {} : { next });

const PERMISSION = { 'secrets-manager': 'secretsmanager:GetSecretValue', ssm: 'ssm:GetParameter' } as const;

interface SecretProblem {
  readonly problem: string;
  readonly next: string;
}

/** Errors of the stores that do not pass by themselves, as their API references name them. */
function problemOf(error: string, secret: SecretReference): SecretProblem | undefined {
  switch (error) {
    case 'ResourceNotFoundException':
    case 'ParameterNotFound':
      return { problem: 'does not exist, or has no value', next: `Make it: ${createSecretCommand(secret)}.` };
    case 'AccessDeniedException':
      return {
        // A role that may read this secret alone hears the same of one that does not exist.
        problem: 'may not be read, or does not exist',
        next: `Make it if it does not exist: ${createSecretCommand(secret)}. Else allow the step’s function ${PERMISSION[secret.store]}, and kms:Decrypt where the secret has a key of its own.`,
      };
    case 'DecryptionFailure':
    case 'InvalidKeyId':
      return {
        problem: 'cannot be decrypted',
        next: 'Allow the step’s function kms:Decrypt, and check that the key of the secret is enabled.',
      };
    case 'InvalidRequestException':
      return {
        problem: 'cannot be read in the state that it is in',
        next: 'Check whether the secret is scheduled for deletion, and restore it.',
      };
    case 'InvalidParameterException':
    case 'ValidationException':
      return {
        problem: 'has a name that its store does not take',
        next: 'Correct the name in the targets of the stage in bin/stages.ts, and deploy.',
      };
    default:
      return undefined;
  }
}

/** Only the name of what was thrown goes on: the text of one may quote a reply, and with it the secret. */
function unread(wanted: Wanted, error: unknown): EngineError {
  // Powertools wraps what the SDK threw.
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const name = cause instanceof Error ? cause.name : typeof cause;
  const known = problemOf(name, wanted.secret);
  if (known !== undefined) return wrong(wanted, known.problem, known.next);
  return new EngineError('SECRET_UNAVAILABLE', `${shown(wanted)} could not be read: ${name}`);
}
