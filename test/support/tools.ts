import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Skips a test where a tool is missing that Node does not bring, and says so; CI must have it. */
export function needs(context: TestContext, tool: string): void {
  if (spawnSync(tool, ['--version']).error === undefined) return;
  if (process.env.CI === 'true') throw new Error(`${tool} is missing, and CI must have it`);
  context.skip(`${tool} is not installed`);
}
