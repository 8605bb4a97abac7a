import { writeFileSync } from 'node:fs';
import { chains } from '../functions/chains/index.ts';
import { DefinitionError } from '../lib/chain/definition-error.ts';
import { inWords } from '../lib/chain/lock/compare.ts';
import { LOCK_FILE, lockOf, lockToText } from '../lib/chain/lock/lock.ts';
import { registry } from '../lib/chain/registry.ts';
import { comparedWithLock } from './locked.ts';

/*
 * npm run lock: writes down what the definitions are. Takes a changed schema or undo, and refuses other steps under a version that it holds, and an undo that is gone.
 */

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function refuse(message: string): void {
  process.stderr.write(`stepline: ${message}\n`);
  process.exitCode = 2;
}

function lock(): void {
  // Refuses what could not be started.
  registry(chains);
  const { changed, notes, unlocked, gone } = comparedWithLock(chains);
  if (changed.length > 0) {
    refuse(changed.join('\n'));
    return;
  }
  writeFileSync(LOCK_FILE, lockToText(lockOf(chains)));
  for (const line of notes) say(`taken: ${line}`);
  if (unlocked.length > 0) say(`new: ${inWords(unlocked)}`);
  if (gone.length > 0) {
    say(`dropped: ${inWords(gone)}. npm run versions -- --stage dev says whether workflows still need them.`);
  }
  say(
    `${LOCK_FILE} holds ${inWords(chains.map(({ name, version }) => ({ chain: name, version })))}. Commit it.`,
  );
}

try {
  lock();
} catch (error) {
  if (!(error instanceof DefinitionError)) throw error;
  refuse(error.message);
}
