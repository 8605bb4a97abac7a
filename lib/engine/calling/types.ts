import type { StepContext, StepDefinition } from '../../chain/definition.ts';
import type { Failure } from '../outcome.ts';
import type { Ports } from '../ports.ts';
import type { Built } from '../request/build.ts';

/** One call to be made: the step, what it sees, and what goes with every request. */
export interface Call {
  readonly step: StepDefinition;
  readonly context: StepContext & { readonly input: Readonly<Record<string, unknown>> };
  /** What no error may show: the sensitive values of input and results, as texts. */
  readonly secrets: Secrets;
  readonly workflowId: string;
  readonly idempotencyKey: string;
  readonly deadlineMs: number;
  /** What a `request` step sends; undefined for a `run` step. */
  readonly built: Built | undefined;
  /** Whether the request must have a connection of its own (docs/architecture.md, "Decisions"). */
  readonly fresh: boolean;
}

export type CallResult = { readonly ok: true; readonly result: unknown } | Failed;

export interface Failed {
  readonly ok: false;
  readonly failure: Failure;
}

export type CallPorts = Pick<Ports, 'http' | 'targets' | 'random' | 'clock'>;

export const failed = (failure: Failure): Failed => ({ ok: false, failure });

/** What must not be shown of a call; worked out where something went wrong, for only that is quoted. */
export type Secrets = () => readonly string[];
