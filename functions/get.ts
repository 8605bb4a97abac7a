import { apiService, watch } from './compose.ts';
import { readHandler } from './handlers.ts';

export const handler = readHandler({ ...apiService(), watch: watch() });
