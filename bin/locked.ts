import { existsSync, readFileSync } from 'node:fs';
import type { ChainDefinition } from '../lib/chain/definition.ts';
import { type Comparison, compareWithLock } from '../lib/chain/lock/compare.ts';
import { LOCK_FILE, readLock } from '../lib/chain/lock/lock.ts';

/** How `chains` differ from what the lock of this project holds. Errors: `DefinitionError` for a lock that cannot be read. */
export const comparedWithLock = (chains: readonly ChainDefinition[]): Comparison =>
  compareWithLock(readLock(existsSync(LOCK_FILE) ? readFileSync(LOCK_FILE, 'utf8') : undefined), chains);
