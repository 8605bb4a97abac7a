import type * as z from 'zod';
import { LIMITS } from '../contract/limits.ts';
import type { Problem } from '../contract/wire.ts';

export type FieldError = NonNullable<Problem['errors']>[number];

/** The name of a refused field, by its beginning: a client makes up names as long as a body may be. */
export const shownField = (name: string): string => name.slice(0, LIMITS.errorText).toWellFormed();

/** Every refusal of a request: HTTP status and title by code. */
export const PROBLEMS = {
  INVALID_JSON: { status: 400, title: 'The body is not JSON' },
  INVALID_REQUEST: { status: 400, title: 'The request is not valid' },
  NO_TENANT: { status: 403, title: 'The token names no tenant' },
  FOREIGN_CALLER: { status: 403, title: 'The request comes from a page that may not call' },
  UNKNOWN_ROUTE: { status: 404, title: 'There is no such route' },
  UNKNOWN_WORKFLOW: { status: 404, title: 'There is no such workflow' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The route does not take this method' },
  WRONG_STATUS: { status: 409, title: 'The workflow’s status does not allow this' },
  KEY_EXPIRED: { status: 409, title: 'The target may have forgotten the idempotency key' },
  REQUEST_CHANGED: { status: 409, title: 'Another request would be sent under the same key' },
  SEVERAL_OPEN: { status: 409, title: 'Several steps may have acted' },
  PAST_PIVOT: { status: 409, title: 'Beyond the pivot there is only forward' },
  NO_UNDO: { status: 409, title: 'No step says how it is undone' },
  STEP_STATUS: { status: 409, title: 'The step’s status does not allow this' },
  ERASED: { status: 409, title: 'The workflow’s sensitive input is gone' },
  EXPIRING: { status: 409, title: 'The workflow is about to expire' },
  TOO_LARGE: { status: 413, title: 'The body is too large' },
  KEY_REUSED: { status: 422, title: 'The Idempotency-Key belongs to another payload' },
  INTERNAL: { status: 500, title: 'Something failed on our side' },
  UNAVAILABLE: { status: 503, title: 'The service cannot answer now' },
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/**
 * A request that is refused; answered as `application/problem+json`.
 * @example throw new ProblemError('WRONG_STATUS', 'the workflow is completed; only a failed one can be resumed');
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];

  constructor(code: ProblemCode, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.code = code;
    this.errors = errors;
  }

  /** The RFC 9457 document. */
  get problem(): Problem {
    const { status, title } = PROBLEMS[this.code];
    return {
      type: `urn:stepline:problem:${this.code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status,
      detail: this.message,
      code: this.code,
      ...(this.errors.length === 0 ? {} : { errors: [...this.errors] }),
    };
  }
}

/** One entry for each refused field, the first hundred of them; an unknown field is named itself. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  const named: FieldError[] = [];
  for (const one of refusedFields(error)) {
    if (named.length === LIMITS.fieldsNamed) {
      named.push({
        field: '(body)',
        message: `More fields are wrong; only ${LIMITS.fieldsNamed} are named here`,
      });
      break;
    }
    named.push(one);
  }
  return named;
}

/** One after the other: all of them together may be a thousand times as long as the body. */
function* refusedFields({ issues }: z.ZodError): Generator<FieldError> {
  for (const issue of issues) {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') {
      yield { field: shownField(path.join('.')) || '(body)', message: issue.message };
      continue;
    }
    for (const key of issue.keys) {
      yield { field: shownField([...path, key].join('.')), message: 'Unknown field' };
    }
  }
}
