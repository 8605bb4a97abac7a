import type { Check } from '../probe.ts';
import { batch } from './batch.ts';
import { deadLetter } from './dead-letter.ts';
import { killed } from './killed.ts';
import { lost } from './lost.ts';
import { recursion } from './recursion.ts';
import { retry } from './retry.ts';
import { throttled } from './throttled.ts';

/** All that `npm run probe` checks. They share no queue that one of them changes, and run at a time. */
export const checks: readonly Check[] = [recursion, throttled, retry, killed, batch, lost, deadLetter];
