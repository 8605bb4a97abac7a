import { apiService } from './compose.ts';
import { resumeHandler } from './handlers.ts';

export const handler = resumeHandler(apiService());
