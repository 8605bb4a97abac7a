import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { answerPreflight, corsHeaders, isPreflight } from './cors.ts';
import { type GuardOptions, refusalOf } from './guard.ts';

export interface LoopbackOptions extends GuardOptions {
  /** Answers a request that may not pass with 403. */
  refuse(request: IncomingMessage, response: ServerResponse, reason: string): void;
}

/**
 * The one place that makes a server: every one of ours has the guard. A page of an allowed origin is answered with what its
 * browser wants to hear, and its preflights are answered here.
 * @example createLoopbackServer(listener, { allowedOrigins: ['http://localhost:5173'], option: '--allow-origin', refuse });
 */
export function createLoopbackServer(serve: RequestListener, options: LoopbackOptions): Server {
  return createServer((request, response) => {
    const { headers, socket } = request;
    // A socket without a port has ended already: nobody hears the answer.
    const reason = refusalOf({ port: socket.localPort ?? 0, headers }, options);
    if (reason !== undefined) return options.refuse(request, response, reason);
    const { origin } = headers;
    if (origin === undefined || !options.allowedOrigins.includes(origin)) return serve(request, response);
    if (isPreflight(request)) return answerPreflight(response, origin);
    for (const [name, value] of Object.entries(corsHeaders(origin))) response.setHeader(name, value);
    serve(request, response);
  });
}
