/** Above this share of a word's letters a correction is a guess, not a suggestion. */
const MOST_CHANGED = 0.3;

/**
 * The known word nearest to `word`, if one is near enough to be what was meant.
 * @example closest('retires', ['retries', 'timeout']) // 'retries'
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best === undefined || best.distance > Math.max(1, word.length * MOST_CHANGED)) return undefined;
  return best.candidate;
}

/** `Did you mean "x"? `, or empty text if no known word is near. It is put before a remedy. */
export function didYouMean(word: string, known: readonly string[]): string {
  const nearest = closest(word, known);
  return nearest === undefined ? '' : `Did you mean "${nearest}"? `;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(from: string, to: string): number {
  // rows[i][j]: from the first i letters of `from` to the first j of `to`.
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row++) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const changed = Math.min(at(row - 1, column), at(row, column - 1)) + 1;
      const replaced = at(row - 1, column - 1) + (same ? 0 : 1);
      rows[row]?.push(Math.min(changed, replaced, swapped ? at(row - 2, column - 2) + 1 : replaced));
    }
  }
  return at(from.length, to.length);
}
