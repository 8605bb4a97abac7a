import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '../../contract/limits.ts';
import { BROWSER_USE } from '../../contract/names.ts';

/** What an answer says so that a browser shows it to a page of `origin`. */
export function corsHeaders(origin: string): Readonly<Record<string, string>> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': BROWSER_USE.answerHeaders.join(','),
    vary: 'origin',
  };
}

/** The question of a browser that comes before a request of another origin. */
export const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;

/** Answers it as API Gateway does on a stage with `corsOrigins`. */
export function answerPreflight(response: ServerResponse, origin: string): void {
  response.writeHead(204, {
    ...corsHeaders(origin),
    'access-control-allow-methods': BROWSER_USE.methods.join(','),
    'access-control-allow-headers': BROWSER_USE.requestHeaders.join(','),
    'access-control-max-age': String(LIMITS.preflightAge),
  });
  response.end();
}
