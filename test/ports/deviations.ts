import { afterAll, expect, it } from 'vitest';

/** Where a service's emulator is known to break a contract: titles of tests, each with what it does instead. */
export type Deviations = Readonly<Record<string, string>>;

/**
 * `it` for such a service. A test with a deviation still runs: it must fail, and is then skipped with the reason, so
 * that the report counts it. Once it passes, or there is no such test, the deviation has to go.
 * @example const it = itBut({ 'hides a received message': 'it is shown at once' });
 */
export function itBut(deviations: Deviations): (title: string, test: () => Promise<void>) => void {
  const untold = new Set(Object.keys(deviations));
  afterAll(() => {
    expect([...untold], 'deviations that name no test').toEqual([]);
  });
  return (title, test) => {
    const reason = deviations[title];
    untold.delete(title);
    if (reason === undefined) {
      it(title, test);
      return;
    }
    it(title, async (context) => {
      const failed = await test().then(
        () => false,
        () => true,
      );
      if (!failed) throw new Error(`this deviates no longer: ${reason}`);
      context.skip(reason);
    });
  };
}
