/** All strings and numbers inside a JSON value, as text. */
export function leaves(value: unknown, found: Set<string>): void {
  if (typeof value === 'string') found.add(value);
  else if (typeof value === 'number') found.add(String(value));
  else if (Array.isArray(value)) for (const item of value) leaves(item, found);
  else if (value !== null && typeof value === 'object')
    for (const item of Object.values(value)) leaves(item, found);
}
