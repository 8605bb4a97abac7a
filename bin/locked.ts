import { existsSync, readFileSync } from 'node:fs';
import type { ChainDefinition } from '../lib/chain/definition.ts';
import { type Comparison, compareWithLock, inWords } from '../lib/chain/lock/compare.ts';
import { LOCK_FILE, readLock } from '../lib/chain/lock/lock.ts';

/** How `chains` differ from what the lock of this project holds. Errors: `DefinitionError` for a lock that cannot be read. */
export const comparedWithLock = (chains: readonly ChainDefinition[]): Comparison =>
  compareWithLock(readLock(existsSync(LOCK_FILE) ? readFileSync(LOCK_FILE, 'utf8') : undefined), chains);

/** Why a deployment is refused: it demands that the lock holds all that it makes, as it is. Undefined where it does. */
export function refusalOfLock({ changed, unlocked }: Comparison): string | undefined {
  if (changed.length > 0) return changed.join('\n');
  if (unlocked.length === 0) return undefined;
  return `${LOCK_FILE} does not hold ${inWords(unlocked)}, which this deployment would make. Run npm run lock, and commit the file: from then on nobody changes the steps by mistake.`;
}
