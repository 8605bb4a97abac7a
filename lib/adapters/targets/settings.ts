import type * as z from 'zod';
import { HEADER_VALUE } from '../../contract/headers.ts';
import { type TargetSetting, targetSettings } from '../../contract/targets.ts';
import { EngineError } from '../../engine/errors.ts';

/** The settings of a stage's targets, by name. */
export type TargetSettings = Readonly<Record<string, TargetSetting>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** A header value that begins so is the name of an environment variable. */
const FROM_ENVIRONMENT = 'env:';

/**
 * Checks the settings of targets and reads the variables that `env:NAME` header values refer to.
 * Errors: `EngineError` `CONFIGURATION`, which names the field, or the target, header and variable; never a value.
 * @example
 * parseTargets({ payments: { baseUrl: 'https://pay.example/v1/', headers: { authorization: 'env:PAY_KEY' } } }, process.env)
 * // { payments: { baseUrl: 'https://pay.example/v1', headers: { authorization: 'Bearer …' } } }
 */
export function parseTargets(json: unknown, env: Environment): TargetSettings {
  const parsed = targetSettings.safeParse(json);
  if (!parsed.success) throw configuration(sentenceOf(parsed.error));
  return Object.fromEntries(
    Object.entries(parsed.data).map(([target, { headers, ...rest }]) => [
      target,
      { ...rest, headers: read(target, headers, env) },
    ]),
  );
}

/** The first issue as one sentence. */
function sentenceOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const field = issue?.path.join('.') ?? '';
  const where =
    field === '' ? 'the settings of the targets are wrong' : `the target setting "${field}" is wrong`;
  return `${where}: ${(issue?.message ?? 'invalid').replace(/^Invalid input: /, '')}`;
}

const read = (
  target: string,
  headers: Readonly<Record<string, string>>,
  env: Environment,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([header, value]) => [
      header,
      value.startsWith(FROM_ENVIRONMENT) ? variableOf(target, header, value, env) : value,
    ]),
  );

function variableOf(target: string, header: string, value: string, env: Environment): string {
  const variable = value.slice(FROM_ENVIRONMENT.length);
  const text = env[variable];
  const problem = variableProblem(text);
  if (text !== undefined && problem === undefined) return text;
  throw configuration(
    `the target "${target}" takes its header "${header}" from the environment variable "${variable}", which ${problem}`,
  );
}

function variableProblem(text: string | undefined): string | undefined {
  if (text === undefined) return 'is not set';
  if (text === '') return 'is empty';
  return HEADER_VALUE.test(text) ? undefined : 'has a character that HTTP does not allow';
}

const configuration = (message: string): EngineError => new EngineError('CONFIGURATION', message);
