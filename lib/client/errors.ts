/** What an answer that is no problem document has as its code: a gateway has words of its own. */
export const NO_CODE = 'UNKNOWN';

interface WrongField {
  readonly field: string;
  readonly message: string;
}

/** The server refused, or failed. Its message is the `detail` of the problem (RFC 9457). */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  /** Stable, such as `WRONG_STATUS`; `UNKNOWN` where the answer is not Stepline's own. */
  readonly code: string;
  readonly detail: string;
  /** Each field that was refused. */
  readonly errors: readonly WrongField[];

  /** @param text the body of the answer */
  constructor({ status, text }: { readonly status: number; readonly text: string }) {
    const { code, detail, errors } = problemIn(text);
    const said = detail ?? `the server answered ${status}, and did not say why`;
    super(said);
    this.status = status;
    this.code = code ?? NO_CODE;
    this.detail = said;
    this.errors = errors;
  }
}

/** The fields of a problem document, or of what API Gateway answers by itself: `{ "message": "Forbidden" }`. */
function problemIn(text: string) {
  const body = objectIn(text);
  const fields: readonly unknown[] = Array.isArray(body.errors) ? body.errors : [];
  return {
    code: textOf(body.code),
    detail: textOf(body.detail) ?? textOf(body.message),
    errors: fields.flatMap((one): WrongField[] => {
      const { field, message } = asObject(one);
      return typeof field === 'string' && typeof message === 'string' ? [{ field, message }] : [];
    }),
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** What a JSON text has at its top; nothing where it is another one. */
export function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return {};
  }
}

/** There was no answer that can be read. `cause`: what `fetch` threw last, if it threw. A POST may have taken effect all the same. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** How often it was asked. */
  readonly attempts: number;

  constructor(what: string, attempts: number, cause?: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    super(
      `${what} got no answer that can be read in ${attempts === 1 ? 'one attempt' : `${attempts} attempts`}${why}`,
      {
        cause,
      },
    );
    this.attempts = attempts;
  }
}

/** What of a workflow the errors below speak of. */
interface Ended {
  readonly workflowId: string;
  readonly status: string;
  readonly error?: { readonly message: string; readonly next: string } | undefined;
  readonly undoError?: { readonly message: string; readonly next: string } | undefined;
}

/** A workflow ended, and not as `completed`. Its message says why, and what to do. */
export class WorkflowFailed<Workflow extends Ended = Ended> extends Error {
  override readonly name = 'WorkflowFailed';
  readonly workflow: Workflow;

  constructor(workflow: Workflow) {
    const { workflowId, status, error, undoError = error } = workflow;
    const why = undoError === undefined ? '' : `: ${undoError.message}. ${undoError.next}`;
    super(`the workflow ${workflowId} is ${status}${why}`);
    this.workflow = workflow;
  }
}

/** A workflow had not ended when the time was over. It goes on. */
export class WaitTimeout<Workflow extends Ended = Ended> extends Error {
  override readonly name = 'WaitTimeout';
  /** As it was seen last. */
  readonly workflow: Workflow;

  constructor(workflow: Workflow, seconds: number) {
    super(
      `the workflow ${workflow.workflowId} is ${workflow.status} after ${seconds} s. It goes on: wait for it again.`,
    );
    this.workflow = workflow;
  }
}
