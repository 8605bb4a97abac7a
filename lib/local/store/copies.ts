import { added } from '../../engine/shell.ts';
import type { StepRecord, WorkflowMeta } from '../../engine/state.ts';

/*
 * The code of a chain sees a workflow's input and its results, and may change them in place. On AWS that touches nothing,
 * since every load reads anew; here the loaded state comes from memory, so these two are copied on their way in and out.
 * The rest of a record is the engine's own, which never changes a record.
 */

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** A copy of a JSON value. Several times as quick as writing and parsing it: its texts are shared. */
export function copyJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyJson);
  return isObject(value) ? copyObject(value) : value;
}

function copyObject(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    const value = copyJson(object[key]);
    // A field without a value is no field in JSON.
    if (value === undefined) continue;
    // Assigned to, this one name would change what the object inherits.
    if (key === '__proto__') {
      Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
    } else copy[key] = value;
  }
  return copy;
}

export const copyMeta = (meta: WorkflowMeta): WorkflowMeta =>
  added({ ...meta }, { input: copyObject(meta.input) });

export const copyStep = (record: StepRecord): StepRecord =>
  isObject(record.result) ? { ...record, result: copyJson(record.result) } : record;
