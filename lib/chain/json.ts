/** Types whose values JSON cannot hold, or gives back as something else. */
type NotJson =
  | bigint
  | symbol
  | Date
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | PromiseLike<unknown>
  | ((...args: never[]) => unknown);

/**
 * `T`, with `never` in place of every part that JSON cannot hold, so that the compiler points at that part.
 * @example Json<{ at: Date; id: string }> // { at: never; id: string }
 */
export type Json<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends NotJson
      ? never
      : { [Key in keyof T]: Json<T[Key]> };
