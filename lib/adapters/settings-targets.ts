import { validateHeaderName, validateHeaderValue } from 'node:http';
import * as z from 'zod';
import { CALL_HEADERS } from '../contract/names.ts';
import { EngineError } from '../engine/errors.ts';
import type { ResolvedTarget } from '../engine/ports.ts';

/** The settings of a stage's targets, by name. */
export type TargetSettings = Readonly<Record<string, ResolvedTarget>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** A header value that begins so is the name of an environment variable. */
const FROM_ENVIRONMENT = 'env:';

/** Headers that Stepline sets at each call: a setting would replace them. */
const OWN_HEADERS: readonly string[] = Object.values(CALL_HEADERS);

/** They belong to a connection or to one request's bytes, not to a target. */
const FRAMING: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'host',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const baseUrl = z.string().transform((text, context) => {
  const problem = problemOf(text);
  if (problem === undefined) {
    const { origin, pathname } = new URL(text);
    return (origin + pathname).replace(/\/+$/, '');
  }
  context.addIssue({ code: 'custom', message: problem });
  return z.NEVER;
});

function problemOf(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected an absolute URL such as https://payments.example.com/v1';
  const { protocol, username, password } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return 'expected a URL that begins with http: or https:';
  if (username !== '' || password !== '')
    return 'a user name or password belongs in a header, not in the URL';
  if (/[?#]/.test(text)) return 'expected a URL without query and fragment';
  return undefined;
}

const schema = z.record(
  z.string().min(1),
  z.strictObject({ baseUrl, headers: z.record(z.string(), z.string()).default({}) }),
);

/**
 * Checks the settings of targets and reads the variables that `env:NAME` header values refer to.
 * Errors: `EngineError` `CONFIGURATION`, which names the field, or the target, header and variable; never a value.
 * @example
 * parseTargets({ payments: { baseUrl: 'https://pay.example/v1/', headers: { authorization: 'env:PAY_KEY' } } }, process.env)
 * // { payments: { baseUrl: 'https://pay.example/v1', headers: { authorization: 'Bearer …' } } }
 */
export function parseTargets(json: unknown, env: Environment): TargetSettings {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw configuration(sentenceOf(parsed.error));
  return Object.fromEntries(
    Object.entries(parsed.data).map(([target, { headers, ...rest }]) => [
      target,
      { ...rest, headers: headersOf(target, headers, env) },
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

/** Header names in lower case, as a request's own are: one name, one value. */
function headersOf(
  target: string,
  headers: Readonly<Record<string, string>>,
  env: Environment,
): Readonly<Record<string, string>> {
  const byName = new Map<string, string>();
  for (const [header, value] of Object.entries(headers)) {
    const name = header.toLowerCase();
    assertFree(target, header, byName.has(name));
    const read = value.startsWith(FROM_ENVIRONMENT) ? variableOf(target, header, value, env) : value;
    assertHeader(target, header, read);
    byName.set(name, read);
  }
  return Object.fromEntries(byName);
}

function assertFree(target: string, header: string, taken: boolean): void {
  const name = header.toLowerCase();
  const refuse = (problem: string): never => {
    throw configuration(`the header "${header}" of the target "${target}" ${problem}`);
  };
  if (OWN_HEADERS.includes(name)) refuse('is set by Stepline itself; leave it out');
  if (FRAMING.includes(name)) refuse('is set by the HTTP client itself; leave it out');
  if (taken) refuse('is there twice: the case of its letters does not matter');
}

function variableOf(target: string, header: string, value: string, env: Environment): string {
  const variable = value.slice(FROM_ENVIRONMENT.length);
  const read = env[variable];
  if (read !== undefined && read !== '') return read;
  const how = read === undefined ? 'not set' : 'empty';
  throw configuration(
    `the target "${target}" takes its header "${header}" from the environment variable "${variable}", which is ${how}`,
  );
}

function assertHeader(target: string, name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw configuration(
      `the header "${name}" of the target "${target}" has a character that HTTP does not allow in its name or value`,
    );
  }
}

const configuration = (message: string): EngineError => new EngineError('CONFIGURATION', message);

/**
 * Targets from settings that are known when the process starts.
 * Errors: `resolve` throws `EngineError` `TARGET_MISSING`, which names the targets that exist.
 * @example
 * const targets = createSettingsTargets(parseTargets(json, process.env));
 * const { baseUrl, headers } = targets.resolve('payments');
 */
export function createSettingsTargets(settings: TargetSettings): { resolve(name: string): ResolvedTarget } {
  const known = new Map(Object.entries(settings));
  return {
    resolve(name) {
      const found = known.get(name);
      if (found !== undefined) return found;
      const names = [...known.keys()].map((key) => `"${key}"`).join(', ');
      throw new EngineError(
        'TARGET_MISSING',
        `there is no target "${name}" in the settings; ${names === '' ? 'there are none at all' : `there are ${names}`}`,
      );
    },
  };
}
