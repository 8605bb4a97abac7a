import { successors } from '../../../lib/chain/graph.ts';
import type { Oracle } from './oracle.ts';

/** What is wrong where nothing went wrong: what a workflow costs is bounded then (docs/architecture.md, "State"). */
export function calmProblems({ workflows }: Oracle): string[] {
  const problems: string[] = [];
  for (const { meta, chain, costs } of workflows.values()) {
    const steps = chain.steps.length;
    const most = (what: string, counted: number, bound: number): void => {
      if (counted > bound) problems.push(`${counted} ${what} for ${steps} steps, at most ${bound}`);
    };
    if (meta.status !== 'completed') problems.push(`nothing went wrong, and it is ${meta.status}`);
    most('writes of steps', costs.stepWrites, 2 * steps);
    most('writes of META', costs.metaWrites, 2);
    const messages = chain.steps.reduce((sum, { after }) => sum + Math.max(1, after.length), 0);
    most('messages', costs.messages, messages);
    // The second message of a join may lose the claim.
    most('tries to write steps', costs.stepTries, steps + messages);
    // Last steps that end together: all but one find that the workflow is completed already.
    const lasts = chain.steps.filter(({ name }) => successors(chain, name).length === 0);
    // The first one that creates META is none of these; of last steps that end together each may try to complete it, and each message of one that is a join.
    const ends = lasts.reduce((sum, { after }) => sum + Math.max(1, after.length), 0);
    most('tries to write META', costs.metaTries, ends);
    // The second message of a join: it loads, loses the claim, loads, waits, and loads once more.
    most('loads', costs.loads, 2 * steps + lasts.length - 1 + 3 * (messages - steps));
  }
  return problems;
}
