import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Skips a test where a tool is missing that Node does not bring, and says so; CI must have it. */
export function needs(context: TestContext, tool: string): void {
  if (spawnSync(tool, ['--version']).error === undefined) return;
  context.skip(missing(tool));
}

/** The reason to skip what needs a tool that is not here. Errors: CI must have it. */
export function missing(tool: string): string {
  if (process.env.CI === 'true') throw new Error(`${tool} is missing, and CI must have it`);
  return `${tool} is not installed`;
}
