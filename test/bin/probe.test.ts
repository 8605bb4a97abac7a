import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The command as `npm run probe` calls it. */
function run(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'bin/probe.ts', ...words],
    { cwd: ROOT, encoding: 'utf8', env: { PATH: process.env.PATH } },
  );
  // The SDK says what it thinks of old versions of Node before anything of ours.
  return { code: status, said: stdout, refused: /^stepline: .*/m.exec(stderr)?.[0] ?? stderr };
}

describe('npm run probe', () => {
  it.each<readonly [string, readonly string[], string]>([
    ['without a stage', [], 'stepline: No stage is given. Write: npm run probe -- --stage dev'],
    [
      'for a stage that does not exist',
      ['--stage', 'dve'],
      'stepline: There is no stage "dve". Did you mean "dev"?',
    ],
    ['for itself', ['--stage', 'probe'], 'stepline: There is no stage "probe".'],
    [
      'with a check that does not exist',
      ['--stage', 'dev', '--only', 'x'],
      'stepline: There is no check "x".',
    ],
  ])(
    '%s ends with what to write, before anything is deployed',
    (_, words, message) => {
      const { code, said, refused } = run(...words);
      expect(refused).toContain(message);
      expect(said).toBe('');
      expect(code).toBe(2);
    },
    30_000,
  );

  it('says what it checks', { timeout: 30_000 }, () => {
    const { code, said } = run('--help');
    expect(code).toBe(0);
    expect(said).toMatch(/^ {2}recursion +a chain of 20 steps is not stopped as a recursive loop$/m);
  });
});
