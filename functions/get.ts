import { apiService } from './compose.ts';
import { getHandler } from './handlers.ts';

export const handler = getHandler(apiService());
