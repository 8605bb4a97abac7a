// Prints one line with the sums of all reports (vitest's JSON) in a folder. Exits with 1 where there is none.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , folder = 'dist/reports'] = process.argv;
let files = [];
try {
  files = readdirSync(folder).filter((name) => name.endsWith('.json'));
} catch {
  // No runner came as far as a report.
}
const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  // A file that could not be loaded has no tests to count.
  const broken = report.testResults.filter(
    (one) => one.status === 'failed' && one.assertionResults.length === 0,
  );
  total.failed += broken.length;
}
console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (files.length === 0 || total.failed > 0) process.exitCode = 1;
