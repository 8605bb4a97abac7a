import { once } from 'node:events';
import { type AgentOptions, type ClientRequest, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { GIVEN_UP, type HttpProxy, type TlsIdentity } from './agents.ts';

type Wanted = Parameters<HttpsProxyAgent<string>['connect']>[1];

const ignore = (): void => undefined;

/**
 * Connections to https targets through a proxy. It adds to its library what a client needs whose calls have one deadline: a call that ends takes its
 * half-made connection along, a connection is given out once it is through its TLS handshake, and what the proxy answers
 * is an error and never the target's reply.
 */
export class Tunnels extends HttpsProxyAgent<string> {
  private readonly making = new Set<AbortController>();

  /** @param tls the identity for the target; the proxy, if it speaks TLS itself, is asked without one */
  constructor(proxy: HttpProxy, pool: AgentOptions, trusted: Pick<TlsIdentity, 'ca'>, tls: TlsIdentity) {
    // Without its user and password: the library shows this URL where somebody debugs.
    super(proxy.url, {
      ...{ ...pool, ...trusted },
      headers: proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization },
    });
    // The library keeps none of the pool's settings here, where Node looks for them; what is here goes with each TLS handshake.
    this.options = {
      ...this.options,
      ...(pool.timeout === undefined ? {} : { timeout: pool.timeout }),
      ...{ ...trusted, ...tls },
    };
  }

  /** Every target is https. The library would find out by the stack of an error. */
  override isSecureEndpoint(): boolean {
    return true;
  }

  override destroy(): void {
    super.destroy();
    for (const one of this.making) one.abort();
  }

  override async connect(request: ClientRequest, wanted: Wanted): Promise<Socket> {
    const making = new AbortController();
    const giveUp = (): void => making.abort();
    this.making.add(making);
    request.once(GIVEN_UP, giveUp);
    if (request.destroyed) giveUp();
    try {
      return await this.made(request, wanted, making.signal);
    } finally {
      request.off(GIVEN_UP, giveUp);
      this.making.delete(making);
    }
  }

  private async made(request: ClientRequest, wanted: Wanted, signal: AbortSignal): Promise<Socket> {
    let status = Number.NaN;
    request.once('proxyConnect', ({ statusCode }: { readonly statusCode: number }) => {
      status = statusCode;
    });
    // The library listens to it no longer once the proxy has answered.
    request.once('proxy', ({ socket }: { readonly socket: Socket }) => socket.on('error', ignore));
    // Taken before the first wait, so that each connection has its own signal.
    this.connectOpts = { ...this.connectOpts, signal };
    const socket = await super.connect(request, ofTarget(wanted)).catch((error) => {
      throw status === 200 ? error : new Error(whyUnanswered(error));
    });
    if (status !== 200) throw new Error(answered(status));
    socket.on('error', ignore);
    // What was abandoned ends by its signal, as the connection below it does.
    await once(socket, 'secureConnect', { signal });
    return socket;
  }
}

/** Of a server that is called by its address, the library would check the certificate against the name of the proxy. */
const ofTarget = (wanted: Wanted): Wanted =>
  wanted.secureEndpoint
    ? {
        ...wanted,
        checkServerIdentity: (_, certificate) => checkServerIdentity(wanted.host ?? '', certificate),
      }
    : wanted;

const answered = (status: number): string =>
  Number.isInteger(status)
    ? `the proxy answered CONNECT with ${[status, STATUS_CODES[status]].join(' ').trim()}`
    : 'what the proxy answered is not HTTP';

/** The library has codes of the system, or words of its own, which may quote what the proxy sent. */
function whyUnanswered(error: unknown): string {
  if (error instanceof Error && 'code' in error) return `the proxy cannot be reached: ${error.code}`;
  const closed = error instanceof Error && error.message.startsWith('Proxy connection ended');
  return closed ? 'the proxy closed the connection without an answer' : 'what the proxy answered is not HTTP';
}
