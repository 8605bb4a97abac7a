/** What a test opened: closed after it, the last first. `setup.ts` does so for every file of tests. */
export const closers: (() => unknown)[] = [];
