import { reconcilerEngine } from './compose.ts';
import { reconcilerHandler } from './handlers.ts';

export const handler = reconcilerHandler(reconcilerEngine());
