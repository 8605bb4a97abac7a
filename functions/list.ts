import { apiService } from './compose.ts';
import { listHandler } from './handlers.ts';

export const handler = listHandler(apiService());
