import * as z from 'zod';
import { HEADER_VALUE } from '../../contract/headers.ts';
import { createSecretCommand, type SecretSource } from '../../contract/secrets.ts';
import { EngineError } from '../../engine/errors.ts';
import type { SecretReader } from './reader.ts';

/** A secret by reference, and whose it is: `target "payments"`. */
export interface Wanted {
  readonly of: string;
  readonly source: SecretSource;
  /** Whether it goes into a header. */
  readonly inHeader?: boolean;
}

/**
 * The text of a secret, without white space at its end: one that was saved from a file ends with a line break.
 * Errors: `EngineError` `TARGET_MISSING` where someone has to mend the settings or the secret, and `SECRET_UNAVAILABLE` where the store of secrets may
 * answer later. They name target and secret, never a value.
 * @example await secretValue({ of: 'target "payments"', source: { store: 'ssm', name: '/stepline/dev/payments' } }, reader)
 */
export async function secretValue(wanted: Wanted, reader: SecretReader): Promise<string> {
  const { store, name } = wanted.source;
  const read = await reader.read(store, name).catch((error: unknown) => {
    throw unread(wanted, error);
  });
  try {
    return checked(wanted, textOf(wanted, read));
  } catch (error) {
    // Who mends it resumes at once, and must not meet what was kept.
    reader.forget(store, name);
    throw error;
  }
}

function textOf(wanted: Wanted, read: string | Uint8Array | undefined): string {
  if (typeof read === 'string') return read;
  if (read === undefined && wanted.source.store === 'env')
    throw wrong(
      wanted,
      'is not set',
      `Set it: ${createSecretCommand(wanted.source)}. Then start again, and resume.`,
    );
  throw wrong(wanted, read === undefined ? 'is empty' : 'is binary; save it as text');
}

function checked(wanted: Wanted, text: string): string {
  const { field } = wanted.source;
  const value = (field === undefined ? text : fieldOf(wanted, text, field)).trimEnd();
  const place = field === undefined ? '' : ` in its field "${field}"`;
  if (value === '') throw wrong(wanted, `is empty${place}`);
  if (wanted.inHeader && !HEADER_VALUE.test(value))
    throw wrong(wanted, `has a character that HTTP does not allow${place}`);
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

const shown = ({ of, source }: Wanted): string => `secret "${source.name}" of ${of}`;

/** A secret whose value cannot be used. */
export const wrong = (wanted: Wanted, problem: string, next?: string): EngineError =>
  new EngineError('TARGET_MISSING', `${shown(wanted)} ${problem}`, next === undefined ? {} : { next });

const PERMISSION = {
  'secrets-manager': 'secretsmanager:GetSecretValue',
  ssm: 'ssm:GetParameter',
  env: 'its environment',
} as const;

interface SecretProblem {
  readonly problem: string;
  readonly next: string;
}

/** Errors of the stores that do not pass by themselves, as their API references name them. */
function problemOf(error: string, secret: SecretSource): SecretProblem | undefined {
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
  if (error instanceof EngineError) return error;
  // Powertools wraps what the SDK threw.
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const name = cause instanceof Error ? cause.name : typeof cause;
  const known = problemOf(name, wanted.source);
  if (known !== undefined) return wrong(wanted, known.problem, known.next);
  return new EngineError('SECRET_UNAVAILABLE', `${shown(wanted)} could not be read: ${name}`);
}
