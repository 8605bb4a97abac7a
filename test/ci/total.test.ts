import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closers } from '../support/closers.ts';

const ROOT = join(import.meta.dirname, '../..');
const test = (fullName: string, status: string, ...failureMessages: string[]) => ({
  fullName,
  status,
  failureMessages,
});
const file = (name: string, status: string, message: string, ...assertionResults: object[]) => ({
  name: join(ROOT, name),
  status,
  message,
  assertionResults,
});

function total(...reports: readonly object[]) {
  const folder = mkdtempSync(join(tmpdir(), 'stepline-reports-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  for (const [at, report] of reports.entries())
    writeFileSync(join(folder, `${at}.json`), JSON.stringify(report));
  const { status, stdout } = spawnSync(process.execPath, ['.ci/total.mjs', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, lines: stdout.trim().split('\n') };
}

const GOOD = {
  ...{ numPassedTests: 2, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0 },
  testResults: [file('test/a.test.ts', 'passed', '', test('a is', 'passed'))],
};

it('the last line adds up all reports', () => {
  expect(total(GOOD, GOOD)).toEqual({ status: 0, lines: ['tests: 4 passed, 0 failed, 2 skipped'] });
});

it('what failed stands before it: tests, files that cannot be loaded, and files whose hook failed', () => {
  const bad = {
    ...{ numPassedTests: 0, numFailedTests: 2, numPendingTests: 1 },
    testResults: [
      file(
        'test/b.test.ts',
        'failed',
        '',
        test('b > adds', 'failed', 'Error: 1 is not 2\n    at …'),
        test('b > ends', 'failed'),
      ),
      file('test/c.test.ts', 'failed', "Cannot find module './d.ts'"),
      file('test/e.test.ts', 'failed', 'Hook timed out\nin 10 s', test('e waits', 'skipped')),
    ],
  };
  expect(total(GOOD, bad)).toEqual({
    status: 1,
    lines: [
      'FAILED test/b.test.ts > b > adds > Error: 1 is not 2',
      'FAILED test/b.test.ts > b > ends',
      "FAILED test/c.test.ts > Cannot find module './d.ts'",
      'FAILED test/e.test.ts > Hook timed out',
      'tests: 2 passed, 4 failed, 2 skipped',
    ],
  });
});

it('no report is a failure', () => {
  expect(total()).toEqual({ status: 1, lines: ['tests: 0 passed, 0 failed, 0 skipped'] });
});
