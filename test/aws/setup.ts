import { rmSync } from 'node:fs';
import { LOGS } from './ministack/ministack.ts';
import { installMiniStack, whyNoMiniStack } from './ministack/python.ts';

/** Before all tests: the emulator is installed, or the run says why it is skipped. */
export const setup = (): void => {
  rmSync(LOGS, { recursive: true, force: true });
  const why = whyNoMiniStack();
  if (why === undefined) installMiniStack();
  else console.warn(`The tests on MiniStack are skipped: ${why}.`);
};
