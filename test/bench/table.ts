type Cell = string | number;

/** Rows of equal length; the first column is text, the others are numbers and stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const shown = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...shown.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return shown.map(line).join('\n');
}

/** @example fixed(1.005, 1) // '1.0' */
export const fixed = (value: number, digits = 2): string => value.toFixed(digits);
