import type { StepDefinition } from '../../../lib/chain/definition.ts';

/** The field of a body that is made of the time. */
export const MADE_AT = 'madeAt';

const drifting = new WeakSet<object>();

export const markDrifting = (request: object): void => void drifting.add(request);

/** Whether the request of a step is made of the time, and changes. */
export const isDrifting = ({ request }: StepDefinition): boolean =>
  request !== undefined && drifting.has(request);
