import { expect } from 'vitest';

/** Counts what the cases reached, so that a run that reaches nothing does not pass. */
export class Coverage {
  private readonly counts = new Map<string, number>();

  count(what: string): void {
    this.counts.set(what, this.of(what) + 1);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** Holds each of these to have been reached at least so often. */
  expectAtLeast(least: Readonly<Record<string, number>>): void {
    const reached = Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)));
    const short = Object.entries(least).filter(([what, count]) => this.of(what) < count);
    expect(short, `all that was reached: ${JSON.stringify(reached)}`).toEqual([]);
  }
}
