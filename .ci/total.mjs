// Prints every test that failed in the reports (vitest's JSON) of a folder, with the first line of what it says, and last the sums of
// all reports. Exits with 1 where there is none.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const [, , folder = 'dist/reports'] = process.argv;
let files = [];
try {
  files = readdirSync(folder).filter((name) => name.endsWith('.json'));
} catch {
  // No runner came as far as a report.
}
const total = { passed: 0, failed: 0, skipped: 0 };
const say = (file, what, message = '') =>
  console.log(
    `FAILED ${[relative('', file), what, message.trim().split('\n')[0]].filter(Boolean).join(' > ')}`,
  );
for (const name of files) {
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName, failureMessages } of failed) say(file.name, fullName, failureMessages?.[0]);
    // It could not be loaded, or a hook of all its tests failed: it has no test that did.
    if (file.status !== 'failed' || failed.length > 0) continue;
    say(file.name, '', file.message);
    total.failed += 1;
  }
}
console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (files.length === 0 || total.failed > 0) process.exitCode = 1;
