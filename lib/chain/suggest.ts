/** Above this share of a word's letters a correction is a guess, not a suggestion. */
const MOST_CHANGED = 0.4;

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

/** `Did you mean "x"? ` or nothing, to stand before a remedy. */
export function didYouMean(word: string, known: readonly string[]): string {
  const nearest = closest(word, known);
  return nearest === undefined ? '' : `Did you mean "${nearest}"? `;
}

/** Levenshtein distance: letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const row = [index + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (above[column] ?? 0) + (letter === other ? 0 : 1);
      row.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (row[column] ?? 0) + 1));
    }
    above = row;
  }
  return above.at(-1) ?? 0;
}
