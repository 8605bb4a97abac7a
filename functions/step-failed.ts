import { queueOf, stepFailedEngine } from './compose.ts';
import { stepFailedHandler } from './handlers.ts';

export const handler = stepFailedHandler(stepFailedEngine(), queueOf);
