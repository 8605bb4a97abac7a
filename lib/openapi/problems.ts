import { PROBLEMS, type ProblemCode, ProblemError } from '../engine/problems.ts';
import { type JsonSchema, mapped } from './schema.ts';

const CODES = Object.keys(PROBLEMS).filter((code): code is ProblemCode => code in PROBLEMS);

/** @example problemName('INVALID_JSON') // 'ProblemInvalidJson' */
const problemName = (code: ProblemCode): string =>
  `Problem${code
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')}`;

/**
 * A schema for each problem, by its name: the one of all problems, with its own type, title, status and code.
 * @param all the schema of RFC 9457 documents as they are answered here
 */
export const problemSchemas = (all: JsonSchema): Readonly<Record<string, JsonSchema>> =>
  Object.fromEntries(CODES.map((code) => [problemName(code), schemaOf(code, all)]));

function schemaOf(code: ProblemCode, all: JsonSchema): JsonSchema {
  const { problem } = new ProblemError(code, PROBLEMS[code].title);
  const { detail: _, ...same } = problem;
  const fixed = mapped(same, (value) => ({ const: value }));
  return { ...all, properties: { ...Object(all.properties), ...fixed }, examples: [problem] };
}

/** Headers that come with every refusal of a status. */
const HEADERS: Readonly<Record<number, JsonSchema>> = {
  405: {
    Allow: {
      description: 'The methods that the path takes.',
      required: true,
      schema: { type: 'string' },
    },
  },
  503: {
    'Retry-After': {
      description: 'Seconds after which the request can be sent again.',
      required: true,
      schema: { type: 'integer', minimum: 0 },
    },
  },
};

/**
 * The responses by which a request is refused with one of these codes, by status.
 * @example refusals(['INVALID_JSON', 'INVALID_REQUEST', 'TOO_LARGE']) // { 400: …, 413: … }
 */
export function refusals(codes: readonly ProblemCode[]): Readonly<Record<string, JsonSchema>> {
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))];
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      refusal(
        status,
        codes.filter((code) => PROBLEMS[code].status === status),
      ),
    ]),
  );
}

function refusal(status: number, codes: readonly ProblemCode[]): JsonSchema {
  const references = [...codes].sort().map((code) => ({ $ref: `#/components/schemas/${problemName(code)}` }));
  const headers = HEADERS[status];
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    ...(headers === undefined ? {} : { headers }),
    content: {
      'application/problem+json': { schema: references.length === 1 ? references[0] : { oneOf: references } },
    },
  };
}
