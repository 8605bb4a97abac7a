/** The value below which `percent` per cent of `ascending` lie (nearest rank). */
export function percentile(ascending: readonly number[], percent: number): number {
  const at = Math.max(0, Math.ceil((percent / 100) * ascending.length) - 1);
  return ascending[at] ?? Number.NaN;
}

export const median = (values: readonly number[]): number =>
  percentile(
    [...values].sort((a, b) => a - b),
    50,
  );
