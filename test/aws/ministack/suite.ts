import { describe } from 'vitest';
import { whyNoMiniStack } from './python.ts';

/** Tests that run on MiniStack. They are skipped where it cannot run; in CI that is an error. */
export function onMiniStack(title: string, tests: () => void): void {
  describe.skipIf(whyNoMiniStack() !== undefined)(title, tests);
}
