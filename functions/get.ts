import { apiService } from './compose.ts';
import { readHandler } from './handlers.ts';

export const handler = readHandler(apiService());
