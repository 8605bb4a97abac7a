import { describe } from 'vitest';
import { type Toolchain, whyNot } from './install.ts';

/** Tests of a server that somebody else wrote. They are skipped where it cannot be installed; in CI that is an error. */
export function withServer(toolchain: Toolchain, title: string, tests: () => void): void {
  describe.skipIf(whyNot(toolchain) !== undefined)(title, tests);
}
