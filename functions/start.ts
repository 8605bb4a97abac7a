import { apiService } from './compose.ts';
import { startHandler } from './handlers.ts';

export const handler = startHandler(apiService());
