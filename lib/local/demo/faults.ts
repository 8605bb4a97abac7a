import * as z from 'zod';

/** What a target does instead of answering well. At most one of them in a fault. */
const ENDINGS = ['status', 'hang', 'drip', 'drop', 'malformed', 'down'] as const;

const fields = z.strictObject({
  /** Waits before the effect; with `late` after it. */
  latencyMs: z.int().positive().max(3_600_000).optional(),
  /** The effect happens, but the reply waits for `latencyMs`. */
  late: z.literal(true).optional(),
  /** Answers so before anything has an effect. */
  status: z.int().min(200).max(599).optional(),
  /** The Retry-After header of `status`, as it is. */
  retryAfter: z
    .string()
    .max(100)
    .regex(/^[\x20-\x7e]*$/, 'expected printable ASCII')
    .optional(),
  /** The body of `status`: text as it is, anything else as JSON. */
  body: z.json().optional(),
  /** Takes the request, and never answers. No effect. */
  hang: z.literal(true).optional(),
  /** After the effect: the headers, then one byte of the reply a second. */
  drip: z.literal(true).optional(),
  /** Destroys the connection before or after the effect. */
  drop: z.enum(['before', 'after']).optional(),
  /** After the effect, a reply that cannot be used. */
  malformed: z.enum(['json', 'schema', 'empty', 'huge', 'html']).optional(),
  /** Nothing listens: the connection is refused. Calls under way break, without effect where none happened yet. */
  down: z.literal(true).optional(),
  /** Applies to so many calls, then heals by itself. */
  times: z.int().positive().optional(),
  /** Only calls whose path begins so. */
  match: z.string().startsWith('/').optional(),
});

const fault = fields.check(({ value, issues }) => {
  const refuse = (message: string): void => {
    issues.push({ code: 'custom', message, input: value });
  };
  const endings = ENDINGS.filter((name) => value[name] !== undefined);
  if (endings.length > 1) refuse(`${endings.join(' and ')} exclude each other`);
  if (endings.length === 0 && value.latencyMs === undefined) {
    refuse(`expected latencyMs or one of ${ENDINGS.join(', ')}`);
  }
  if (value.late && value.latencyMs === undefined) refuse('late needs latencyMs');
  if (value.late && (value.status !== undefined || value.hang || value.drop === 'before')) {
    refuse('late says that the effect happens, and the rest that it does not');
  }
  if (value.status === undefined && (value.retryAfter !== undefined || value.body !== undefined)) {
    refuse('retryAfter and body need status');
  }
  const more = value.times !== undefined || value.match !== undefined || value.latencyMs !== undefined;
  if (value.down && more) refuse('down stands alone: a call that is refused cannot be counted or looked at');
});

/** One fault of a target, as `PUT /faults` takes it. */
export type Fault = z.infer<typeof fault>;

/** What each field of a fault does, and a fault with it: shown to whoever asks the demo targets what they take. */
export const FAULT_FIELDS: { readonly [Field in keyof Fault]-?: { does: string; example: Fault } } = {
  status: { does: 'answers with this status, without effect', example: { status: 503 } },
  retryAfter: { does: 'the Retry-After header of status', example: { status: 429, retryAfter: '5' } },
  body: { does: 'the body of status', example: { status: 402, body: { error: 'card declined' } } },
  latencyMs: { does: 'waits, then has its effect and answers', example: { latencyMs: 2_000 } },
  late: { does: 'has its effect, and waits with the answer', example: { latencyMs: 2_000, late: true } },
  hang: { does: 'takes the request and never answers, without effect', example: { hang: true } },
  drip: { does: 'has its effect, and answers one byte a second', example: { drip: true } },
  drop: { does: 'closes the connection before or after its effect', example: { drop: 'after' } },
  malformed: { does: 'has its effect, and a reply that cannot be used', example: { malformed: 'json' } },
  down: { does: 'refuses every connection', example: { down: true } },
  times: { does: 'heals by itself after so many calls', example: { status: 503, times: 1 } },
  match: { does: 'strikes only calls whose path begins so', example: { status: 503, match: '/charges' } },
};

const several = z
  .array(fault)
  .refine((all) => all.length === 1 || !all.some((one) => one.down), 'down stands alone');

/** Takes one fault or a list of them. Errors: an `Error` whose message names the field. */
export function parseFaults(json: unknown): readonly Fault[] {
  const parsed = Array.isArray(json) ? several.safeParse(json) : fault.safeParse(json);
  if (parsed.success) return [parsed.data].flat();
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  const message = (issue?.message ?? 'invalid').replace(/^Invalid input: /, '');
  throw new Error(field === '' ? message : `"${field}": ${message}`);
}

/** The faults of one target that are switched on: each call takes the first that matches it and is not used up. */
export class FaultPlan {
  private active: Fault[] = [];

  set(wanted: readonly Fault[]): void {
    this.active = wanted.map((one) => ({ ...one }));
  }

  /** With the times that are left. */
  get current(): readonly Fault[] {
    return this.active;
  }

  get down(): boolean {
    return this.active.some((one) => one.down);
  }

  take(path: string): Fault {
    const found = this.active.find((one) => path.startsWith(one.match ?? '/'));
    if (found === undefined) return {};
    if (found.times !== undefined) found.times -= 1;
    this.active = this.active.filter((one) => one.times !== 0);
    return found;
  }
}
