import { apiService } from './compose.ts';
import { cancelHandler } from './handlers.ts';

export const handler = cancelHandler(apiService());
