import { ownQueue, workerEngine } from './compose.ts';
import { stepHandler } from './handlers.ts';

export const handler = stepHandler(workerEngine(), ownQueue());
