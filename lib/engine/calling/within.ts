import type { Ports } from '../ports.ts';

type Settled<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: unknown };

/** What becomes of work that is mostly done at once: only what has to be waited for needs a deadline, and a promise. */
export function soon<Value>(
  clock: Ports['clock'],
  ms: number,
  work: () => Value | Promise<Value>,
): Settled<Value> | Promise<Settled<Value> | 'deadline'> {
  try {
    const value = work();
    return value instanceof Promise ? within(clock, ms, () => value) : { ok: true, value };
  } catch (error) {
    return { ok: false, error };
  }
}

/** What becomes of `work` by the deadline. Past it the work is abandoned, and how it ends later concerns nobody. */
export async function within<Value>(
  clock: Ports['clock'],
  ms: number,
  work: () => Promise<Value>,
): Promise<Settled<Value> | 'deadline'> {
  let cancel = (): void => undefined;
  const deadline = new Promise<'deadline'>((resolve) => {
    cancel = clock.after(ms, () => resolve('deadline'));
  });
  const ending = await Promise.race([settled(work), deadline]);
  cancel();
  return ending;
}

async function settled<Value>(work: () => Promise<Value>): Promise<Settled<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}
