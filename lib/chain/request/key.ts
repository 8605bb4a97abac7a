import { createHash } from 'node:crypto';
import { headerProblem } from '../../contract/headers.ts';
import { LIMITS } from '../../contract/limits.ts';
import { CALL_HEADERS } from '../../contract/names.ts';
import { numberIn, optionsOf } from '../check.ts';
import { DefinitionError, type Place, show } from '../definition-error.ts';

/**
 * How a target writes a key. `plain`: `wf_…:payment:do:0`. `uuid`: 36 characters, of version 4, which the strictest servers take. `token32`: 32
 * lower-case hexadecimal digits.
 */
export const KEY_FORMATS = ['plain', 'uuid', 'token32'] as const;
export type KeyFormat = (typeof KEY_FORMATS)[number];

/** How a target takes idempotency keys; `none`: it takes none, and no call whose effect is unknown is repeated. */
export type Idempotency =
  | 'none'
  | {
      /** The header that it reads the key from. Default `idempotency-key`. */
      readonly header?: string;
      /** Default `plain`. */
      readonly format?: KeyFormat;
      /** For how many seconds it remembers a key. Default 86,400, as many forget after a day. */
      readonly lifetime?: number;
    };

/** The same, all decided. */
export interface KeyUse {
  /** In lower case; undefined where the target takes no key. */
  readonly header: string | undefined;
  readonly format: KeyFormat;
  /** In seconds; 0 where the target takes no key: it has forgotten it at once. */
  readonly lifetime: number;
}

const TAKES_NONE: KeyUse = { header: undefined, format: 'plain', lifetime: 0 };
const DEFAULTS: KeyUse = {
  header: CALL_HEADERS.idempotencyKey,
  format: 'plain',
  lifetime: LIMITS.keyLifetime,
};

export function keyUseOf(idempotency: Idempotency | undefined): KeyUse {
  if (idempotency === undefined) return DEFAULTS;
  return idempotency === 'none' ? TAKES_NONE : { ...DEFAULTS, ...idempotency };
}

/**
 * An idempotency key as its target wants it written. The same key gives the same text.
 * @example writtenKey('wf_…:payment:do:0', 'uuid') // '0a4b8f0e-5b0c-4d5e-9f3a-…'
 */
export function writtenKey(idempotencyKey: string, format: KeyFormat): string {
  if (format === 'plain') return idempotencyKey;
  const digits = createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32);
  if (format === 'token32') return digits;
  // RFC 9562, 5.4: version 4, variant 8 to b.
  const variant = ((Number.parseInt(digits[16] ?? '0', 16) & 3) | 8).toString(16);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    variant + digits.slice(17, 20),
    digits.slice(20),
  ].join('-');
}

const LIFETIME = { least: 1, most: LIMITS.keyLifetimeMost, whole: true, unit: 'seconds' } as const;

/** What a target says of its keys, as it was written. Errors: `DefinitionError`. */
export function idempotencyIn(place: Place, written: unknown): Idempotency | undefined {
  if (written === undefined || written === 'none') return written;
  refuseText(place, 'idempotency', written, "'none', or { header, format, lifetime }");
  const { header, format, lifetime } = optionsOf(place, 'idempotency', written, [
    'header',
    'format',
    'lifetime',
  ]);
  return {
    ...(header === undefined ? {} : { header: headerIn(place, header) }),
    ...(format === undefined ? {} : { format: formatIn(place, format) }),
    ...(lifetime === undefined
      ? {}
      : { lifetime: numberIn(place, 'idempotency.lifetime', lifetime, LIFETIME) }),
  };
}

/** For how many seconds the targets of a step remember its key at least, where the step says so; 0 for `none`. Errors: `DefinitionError`. */
export function keyLifetimeIn(place: Place, option: string, written: unknown): number | undefined {
  if (written === undefined) return undefined;
  if (written === 'none') return 0;
  refuseText(place, option, written, "'none', or { lifetime: 86400 }");
  const { lifetime } = optionsOf(place, option, written, ['lifetime']);
  return numberIn(place, `${option}.lifetime`, lifetime, LIFETIME);
}

function refuseText(place: Place, option: string, written: unknown, wanted: string): void {
  if (typeof written === 'string')
    throw new DefinitionError(place, `${option} is ${show(written)}`, `Write idempotency: ${wanted}.`);
}

/** Headers that a request has for other reasons. */
const TAKEN: readonly string[] = ['accept', 'authorization', 'content-type', 'cookie'];

function headerIn(place: Place, written: unknown): string {
  const name = typeof written === 'string' ? written.toLowerCase() : '';
  if (name === CALL_HEADERS.idempotencyKey) return name;
  const problem = TAKEN.includes(name) ? 'a request has it for another reason' : headerProblem(name);
  if (problem === undefined) return name;
  throw new DefinitionError(
    place,
    `idempotency.header is ${show(written)}: ${problem}`,
    "Write the header that the target reads the key from, such as header: 'paypal-request-id'; leave it out for idempotency-key, or where the request function puts the key into the body.",
  );
}

function formatIn(place: Place, written: unknown): KeyFormat {
  const format = KEY_FORMATS.find((one) => one === written);
  if (format !== undefined) return format;
  throw new DefinitionError(
    place,
    `idempotency.format is ${show(written)}`,
    "Write format: 'plain', 'uuid' or 'token32'.",
  );
}
