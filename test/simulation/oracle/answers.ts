import type { ListAnswer, StartAnswer, WorkflowAnswer } from '../../../lib/contract/wire.ts';
import { keyOf, type Shadow } from './shadow.ts';
import { momentsOf, type Span, shownProblem } from './shown.ts';

/** When a request was sent: as a number of what happened, and in milliseconds since 1970. */
export type Asked = Pick<Span, 'after' | 'from' | 'outdated'>;

/** Holds what clients are answered to what was so while their request was under way. */
export interface Answers {
  /** A request is about to be sent. */
  asked(): Asked;
  /** A resume is about to be sent. */
  resumeAsked(workflowId: string, newKeyOf: string | undefined): void;
  started(answer: StartAnswer, asked: Asked): void;
  read(answer: WorkflowAnswer, asked: Asked): void;
  cancelled(answer: WorkflowAnswer, asked: Asked): void;
  resumed(answer: WorkflowAnswer, asked: Asked): void;
  /** Somebody is about to ask that a workflow be taken back. */
  undoAsked(workflowId: string): void;
  takenBack(answer: WorkflowAnswer, asked: Asked): void;
  listed(answer: ListAnswer, asked: Asked): void;
}

export interface AnswersOptions {
  readonly now: () => number;
  readonly skewMs: () => number;
  readonly isApiOutdated: () => boolean;
  readonly workflows: ReadonlyMap<string, Shadow>;
  readonly find: (workflowId: string) => Shadow | undefined;
  readonly report: (what: string) => void;
  /** Things that have happened to items, and loads that have begun, until now. */
  readonly happened: () => number;
  readonly loadsBegun: () => number;
}

export function createAnswers(options: AnswersOptions): Answers {
  const { now, skewMs, isApiOutdated, workflows, find, report, happened, loadsBegun } = options;
  /** The workflow of an answer, which must be there. */
  const known = (what: string, { workflowId }: { workflowId: string }): Shadow | undefined => {
    const shadow = find(workflowId);
    if (shadow === undefined) report(`${what} names ${workflowId}, which is not in the table`);
    return shadow;
  };
  const spanOf = ({ after, from, outdated }: Asked): Span => ({
    after,
    outdated,
    from: from - skewMs(),
    until: now() + skewMs(),
  });
  const note = (what: string, problem: string | undefined): void => {
    if (problem !== undefined) report(`in ${what} ${problem}`);
  };

  return {
    asked: () => ({ after: happened(), from: now(), outdated: isApiOutdated() }),
    resumeAsked: (workflowId, newKeyOf) => {
      const shadow = find(workflowId);
      if (shadow === undefined) return;
      shadow.resumesSent += 1;
      if (newKeyOf === undefined) return;
      shadow.newKeysSent += 1;
      shadow.newKeysAsked.add(newKeyOf);
    },
    started: (answer, { after }) => {
      const shadow = known('a start', answer);
      const was = shadow && momentsOf(shadow, after).map(({ meta }) => meta.status);
      if (was?.includes(answer.status) === false)
        report(`a start is answered ${answer.status}; it was: ${was.join(', ')}`);
    },
    read: (answer, asked) => {
      const shadow = known('a read', answer);
      if (shadow === undefined) return;
      note('a read', shownProblem(shadow, answer, momentsOf(shadow, asked.after), spanOf(asked)));
    },
    cancelled: (answer, asked) => {
      const shadow = known('a cancel', answer);
      if (shadow === undefined) return;
      shadow.cancelledAt ??= loadsBegun();
      if (shadow.meta.status !== 'cancelled')
        report(`a cancel is answered 200, and the workflow is ${shadow.meta.status}`);
      const moments = momentsOf(shadow, asked.after).filter(({ meta }) => meta.status === 'cancelled');
      note('a cancel', shownProblem(shadow, answer, moments, spanOf(asked)));
    },
    resumed: (answer, asked) => {
      const shadow = known('a resume', answer);
      if (shadow === undefined) return;
      shadow.resumed += 1;
      if (shadow.resumed > shadow.meta.epoch) report(`of ${shadow.resumed} resumes not all happened`);
      const [first, ...rest] = momentsOf(shadow, asked.after);
      const moments = rest.filter(({ meta }) => meta.epoch > (first?.meta.epoch ?? 0));
      note('a resume', shownProblem(shadow, answer, moments, spanOf(asked)));
    },
    undoAsked: (workflowId) => {
      const shadow = find(workflowId);
      if (shadow !== undefined) shadow.undosSent += 1;
    },
    takenBack: (answer, asked) => {
      const shadow = known('an undo', answer);
      if (shadow === undefined) return;
      if (shadow.turned === 0) report(`an undo is answered ${answer.status}, and nobody took it back`);
      note('an undo', shownProblem(shadow, answer, momentsOf(shadow, asked.after), spanOf(asked)));
    },
    listed: ({ workflows: listed, nextCursor }, { after }) => {
      const left = new Map(workflows);
      for (const { workflowId, status } of listed) {
        const shadow = known('a listing', { workflowId });
        if (shadow === undefined) continue;
        const was: readonly string[] = momentsOf(shadow, after).map(({ meta }) => meta.status);
        if (!was.includes(status))
          report(`a listing shows ${workflowId} as ${status}; it was: ${was.join(', ')}`);
        if (!left.delete(keyOf(shadow.meta))) report(`a listing shows ${workflowId} twice`);
      }
      if (nextCursor !== null) return;
      for (const shadow of left.values()) {
        const wasThere = (shadow.changes[0]?.number ?? Infinity) <= after;
        // One that moves within the listing meanwhile may be passed over.
        const was = new Set(momentsOf(shadow, after).map(({ meta }) => meta.status));
        if (wasThere && was.size === 1) report(`a listing leaves out ${shadow.meta.workflowId}`);
      }
    },
  };
}
