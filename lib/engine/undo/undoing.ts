import type { StepDefinition } from '../../chain/definition.ts';
import { LIMITS } from '../../contract/limits.ts';

/** Definitions never change, so each is made once. */
const made = new WeakMap<StepDefinition, StepDefinition>();

/** The undo of a step as a step: what is called, and how. Errors: throws for a step without one. */
export function undoing(step: StepDefinition): StepDefinition {
  const known = made.get(step);
  if (known !== undefined) return known;
  if (step.undo === undefined) throw new Error(`the step ${step.name} has no undo`);
  const { request: _, run: __, reply: ___, lookup: ____, ...place } = step;
  const undo: StepDefinition = {
    ...place,
    ...step.undo,
    // What it is answered may be what the step was.
    sensitive: [...new Set([...step.sensitive, ...step.undo.sensitive])],
    // Nothing waits for what an undo does late.
    lateBy: LIMITS.lateByMost,
    undo: undefined,
    pivot: false,
  };
  made.set(step, undo);
  return undo;
}
