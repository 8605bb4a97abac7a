import { show } from '../definition-error.ts';
import { isPlaceholder, PLACEHOLDER_TEXT } from './placeholder.ts';

/** A value that a path, a query, a form or a field takes. */
export type Scalar = string | number | boolean;

/** A scalar as text; undefined for everything else, numbers without end among it. */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isFinite(value)) return String(value);
  return isPlaceholder(value) ? PLACEHOLDER_TEXT : undefined;
}

/** A value that is refused, as an error names it. No text is shown: of a long one half a sensitive value would be, which nobody could mask. */
export const named = (value: unknown): string => (typeof value === 'string' ? 'a text' : show(value));
