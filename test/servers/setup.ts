import { install, type Toolchain, whyNot } from './tools/install.ts';

const NEEDED: readonly (readonly [Toolchain, string])[] = [
  ['go', 'stripe-mock, Mailpit and toxiproxy'],
  ['nginx', 'nginx'],
];

/** Before all tests: the servers are installed, or the run says which tests are skipped and why. */
export const setup = async (): Promise<void> => {
  for (const [toolchain, servers] of NEEDED) {
    const why = whyNot(toolchain);
    if (why !== undefined) console.warn(`The tests with ${servers} are skipped: ${why}.`);
  }
  await install();
};
