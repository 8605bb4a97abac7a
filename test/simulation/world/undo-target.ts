/** What the target of an undo is called where the target of the step has the step's name. */
export const undoTarget = (step: string): string => `undo-${step}`;
