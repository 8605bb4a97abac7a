import type { ChainDefinition, StepDefinition } from '../definition.ts';
import { DefinitionError } from '../definition-error.ts';
import { ancestors, descendants } from '../graph.ts';

/** Errors: `DefinitionError` for a second pivot, for a step that is neither before nor after the pivot, and for an undo from the pivot on. */
export function refuseWrongPivot(chain: ChainDefinition): void {
  const [pivot, second] = chain.steps.filter((step) => step.pivot);
  if (pivot === undefined) return;
  const refuse = ({ name }: StepDefinition, problem: string, remedy: string): never => {
    throw new DefinitionError({ chain: chain.name, step: name }, problem, remedy);
  };
  if (second !== undefined) {
    refuse(
      second,
      `it is a pivot, and so is the step "${pivot.name}"`,
      'A chain has at most one: leave pivot out in one of the two.',
    );
  }
  const [before, after] = [ancestors(chain, pivot.name), descendants(chain, pivot.name)];
  for (const step of chain.steps) {
    const isPivot = step === pivot;
    if (!isPivot && !before.has(step.name) && !after.has(step.name)) {
      refuse(
        step,
        `it is neither before nor after the pivot "${pivot.name}", so nobody could say whether it may be taken back`,
        `Write after: ['${pivot.name}'] in it, or let "${pivot.name}" wait for it, too.`,
      );
    }
    if (step.undo !== undefined && !before.has(step.name)) {
      refuse(
        step,
        `it has an undo, and ${isPivot ? 'is the pivot' : `comes after the pivot "${pivot.name}"`}: the undo would never be called`,
        `Leave undo out, since from "${pivot.name}" on there is only forward; or let a later step be the pivot, or none.`,
      );
    }
  }
}
