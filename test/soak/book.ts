import * as z from 'zod';
import { type WorkflowAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { ENDED, type Ended, type SoakChain } from './chains.ts';
import type { Accepted } from './compare.ts';

interface Entry {
  readonly id: string;
  readonly chain: SoakChain;
  readonly input: Readonly<Record<string, unknown>>;
  readonly completedSteps: Set<string>;
  ended: Ended | undefined;
  unknown: boolean;
}

/** Every workflow that was accepted, and what any answer has promised of it. */
export class Book {
  /** Requests and answers, by what they were. */
  readonly counts = { starts: 0, sentAgain: 0, cancels: 0, resumes: 0, undos: 0, reads: 0, pages: 0 };
  /** Answers that no rule of the API explains, in words. */
  readonly problems = new Set<string>();
  private readonly entries = new Map<string, Entry>();

  accept(id: string, chain: SoakChain, input: Readonly<Record<string, unknown>>): void {
    if (this.entries.has(id)) this.unexpected(`${id} was given to two starts`);
    this.entries.set(id, { id, chain, input, completedSteps: new Set(), ended: undefined, unknown: false });
  }

  get ids(): readonly string[] {
    return [...this.entries.keys()];
  }

  get size(): number {
    return this.entries.size;
  }

  /** Those that were never shown ended, but for such as the server has forgotten. */
  get unsettled(): readonly string[] {
    return [...this.entries.values()]
      .filter(({ ended, unknown }) => ended === undefined && !unknown)
      .map(({ id }) => id);
  }

  /** Takes down that the server does not know it. */
  forgotten(id: string): void {
    const entry = this.entries.get(id);
    if (entry !== undefined) entry.unknown = true;
  }

  /** How many were shown so. */
  ended(as: Ended): number {
    return [...this.entries.values()].filter(({ ended }) => ended === as).length;
  }

  /** Takes down that something is not as the API says it is. */
  unexpected(what: string): void {
    this.problems.add(what);
  }

  /** What an answer is; undefined, and taken down, where it is not as the API says. */
  parse<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> | undefined {
    const parsed = schema.safeParse(body);
    if (!parsed.success) this.unexpected(`${JSON.stringify(body)}: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  }

  /** Takes down what is promised of a workflow; undefined where the answer is not as the API says. */
  note(body: unknown): WorkflowAnswer | undefined {
    const shown = this.parse(workflowAnswer, body);
    if (shown === undefined) return undefined;
    const entry = this.entries.get(shown.workflowId);
    // An answer on its way may be older than one that has come: so nothing is taken back here.
    if (entry !== undefined) entry.ended ??= ENDED.find((status) => status === shown.status);
    for (const [step, status] of Object.entries(shown.steps)) {
      if (status === 'completed') entry?.completedSteps.add(step);
    }
    return shown;
  }

  /** For the comparison, with what the server shows last. */
  accepted(shown: ReadonlyMap<string, WorkflowAnswer>): readonly Accepted[] {
    return [...this.entries.values()].map(({ id, chain, input, completedSteps, ended }) => ({
      id,
      chain,
      input,
      promised: { completedSteps, ended },
      shown: shown.get(id),
    }));
  }
}
