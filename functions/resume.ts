import { apiService } from './compose.ts';
import { repairHandler } from './handlers.ts';

export const handler = repairHandler(apiService());
