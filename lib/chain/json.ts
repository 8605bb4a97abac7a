/** What JSON cannot carry, or carries as something else. */
type NotJson =
  | bigint
  | symbol
  | Date
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | PromiseLike<unknown>
  | ((...args: never[]) => unknown);

/**
 * `T` where JSON can carry it; what it cannot carry becomes `never`, so that the compiler points at the place.
 * @example Json<{ at: Date; id: string }> // { at: never; id: string }
 */
export type Json<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends NotJson
      ? never
      : { [Key in keyof T]: Json<T[Key]> };
