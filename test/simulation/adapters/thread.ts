import { simulateWith } from '../thread.ts';
import { simulateAdapters } from './adapters.ts';
import { startEmbeddedAws } from './embedded-aws.ts';

// A thread has an AWS of its own, which ends with it.
const aws = startEmbeddedAws();
simulateWith(async (seed) => await simulateAdapters(seed, await aws));
