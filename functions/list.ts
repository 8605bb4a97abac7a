import { apiService } from './compose.ts';
import { overviewHandler } from './handlers.ts';

export const handler = overviewHandler(apiService());
