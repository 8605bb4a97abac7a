import { optionsOf } from '../check.ts';
import type { UndoDefinition } from '../definition.ts';
import type { Place } from '../definition-error.ts';
import { CALL_OPTIONS, callOf } from './call.ts';
import type { CallSite } from './site.ts';

/** How a step is taken back, from what a caller wrote. Errors: `DefinitionError`, whose options are named `undo.…`. */
export function undoOf(place: Place, written: unknown): UndoDefinition | undefined {
  if (written === undefined) return undefined;
  const site: CallSite = { ...place, within: 'undo' };
  const { lateBy: _, ...call } = callOf(site, optionsOf(site, 'undo', written, CALL_OPTIONS));
  // Nothing of what it is answered is stored.
  return Object.freeze({ ...call, sensitive: [] });
}
