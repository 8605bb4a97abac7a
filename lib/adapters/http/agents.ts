import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { LIMITS } from '../../contract/limits.ts';
import type { HttpRequest } from '../../engine/ports.ts';
import { tlsProblem } from '../tls-problem.ts';

export type TlsIdentity = NonNullable<HttpRequest['tls']>;

/** Where a request gets its connection: from those that calls left open, or one of its own that is closed after its reply. */
export interface Agents {
  readonly kept: HttpAgent;
  readonly own: HttpAgent;
}

/**
 * Sockets are shared between calls. Idle ones are given up after 4 s, before the 5 s at which many servers (Node's own
 * among them) do it: a call on a socket that the server is just closing has to be repeated.
 */
const POOL = { keepAlive: true, maxFreeSockets: 256, timeout: 4_000 };

/** Its requests do not say `connection: close`, as some servers then no longer tell where a reply ends. */
const closing = (agent: HttpAgent): HttpAgent => Object.assign(agent, { keepSocketAlive: () => false });

/**
 * What comes on a connection that waits for its next call was not asked for: that call would take it, or its rest, for its
 * own reply. RFC 9112, 9.2: such a connection is closed.
 */
function giveUp(this: Socket): void {
  this.destroy();
}

/** Ends the watch over a connection that a call takes. */
export const taken = (socket: Socket): Socket => socket.removeListener('data', giveUp);

/** @param make an agent that keeps connections as `POOL`, or the settings given, say */
const agentsOf = (make: (settings: typeof POOL | { readonly keepAlive: true }) => HttpAgent): Agents => ({
  kept: make(POOL).on('free', (socket: Socket) => socket.on('data', giveUp)),
  own: closing(make({ keepAlive: true })),
});

/** Emitted on a request that is given up. Node's own events wait for its connection, which may never come about. */
export const GIVEN_UP = 'stepline-given-up';

/** A proxy that calls go through. */
export interface HttpProxy {
  /** Without user name and password. */
  readonly url: URL;
  /** Whether it speaks TLS itself. */
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: string;
  /** What errors call it. */
  readonly host: string;
  /** The value of `Proxy-Authorization`. */
  readonly authorization?: string;
}

/** Which calls go through a proxy, and how its connections are made. */
export interface Proxies {
  /** Undefined for a URL that is called directly. */
  of(url: URL): HttpProxy | undefined;
  /** Connections to https targets. `trusted` is what the proxy's own certificate is checked by, too. */
  tunnels(
    proxy: HttpProxy,
    pool: AgentOptions,
    trusted: Pick<TlsIdentity, 'ca'>,
    tls: TlsIdentity,
  ): HttpAgent;
}

/** How a request gets to its server. */
export interface Route {
  readonly agents: Agents;
  /** Whether its connection begins with TLS: to the target, through a tunnel or not, or to the proxy that it is given to. */
  readonly secure: boolean;
  readonly proxy?: HttpProxy;
  /** The request is given to the proxy itself, because the target has no TLS. */
  readonly forwarded: boolean;
}

/**
 * The connections of all calls, in pairs of agents: one for http, one for https, one for each TLS identity, and the same through a proxy. A
 * connection that was made under one identity is in no other pair.
 */
export class Connections {
  private readonly trusted: Pick<TlsIdentity, 'ca'>;
  private readonly proxies: Proxies | undefined;
  private readonly plain: Route;
  private readonly secure: Route;
  /** Through each proxy: of http targets, of https targets. */
  private readonly forwarding = new Map<HttpProxy, Route>();
  private readonly tunnelling = new Map<HttpProxy, Route>();
  /** By their PEM texts and their proxy, the one that was used last at the end. */
  private readonly identities = new Map<string, Route>();
  /** Pairs that serve no further call, until their last one has ended. */
  private readonly retired = new Set<Agents>();

  /** @param ca certificate authorities instead of Node's own, as PEM, for calls without an identity */
  constructor(ca?: string, proxies?: Proxies) {
    this.trusted = ca === undefined ? {} : { ca };
    this.proxies = proxies;
    this.plain = { agents: agentsOf((pool) => new HttpAgent(pool)), secure: false, forwarded: false };
    this.secure = { agents: this.securely({}), secure: true, forwarded: false };
  }

  /** Errors: throws where the identity cannot be used, with what to write. */
  of(url: URL, tls: TlsIdentity | undefined): Route {
    const secure = url.protocol === 'https:';
    const proxy = this.proxies?.of(url);
    if (tls !== undefined) return this.under(tls, secure, proxy);
    if (proxy === undefined) return secure ? this.secure : this.plain;
    const routes = secure ? this.tunnelling : this.forwarding;
    const known = routes.get(proxy);
    if (known !== undefined) return known;
    const route = secure ? this.tunnelled(proxy, {}) : this.forwarded(proxy);
    routes.set(proxy, route);
    return route;
  }

  /** Ends idle and running connections. */
  close(): void {
    const routes = [this.forwarding, this.tunnelling, this.identities].flatMap((map) => [...map.values()]);
    const pairs = [this.plain, this.secure, ...routes].map(({ agents }) => agents);
    for (const { kept, own } of [...pairs, ...this.retired]) for (const agent of [kept, own]) agent.destroy();
    this.identities.clear();
    this.retired.clear();
  }

  private securely(tls: TlsIdentity): Agents {
    return agentsOf((pool) => new HttpsAgent({ ...pool, ...this.trusted, ...tls }));
  }

  private tunnelled(proxy: HttpProxy, tls: TlsIdentity): Route {
    const agents = agentsOf((pool) => {
      if (this.proxies === undefined) throw new Error('there are no proxies');
      return this.proxies.tunnels(proxy, pool, this.trusted, tls);
    });
    return { agents, secure: true, proxy, forwarded: false };
  }

  /** What has no TLS is written to the proxy as it is, so that connections to the proxy serve all such targets. */
  private forwarded(proxy: HttpProxy): Route {
    const agents = proxy.secure ? this.securely({}) : agentsOf((pool) => new HttpAgent(pool));
    return { agents, secure: proxy.secure, proxy, forwarded: true };
  }

  private under(tls: TlsIdentity, secure: boolean, proxy: HttpProxy | undefined): Route {
    if (!secure) throw new Error('tls is for https alone, and the URL begins with http:');
    const { ca, cert, key } = tls;
    const name = JSON.stringify([ca, cert, key, proxy?.host]);
    const known = this.identities.get(name);
    const route = known ?? this.made(tls, proxy);
    this.identities.delete(name);
    this.identities.set(name, route);
    if (known === undefined) this.retireEldest();
    return route;
  }

  private made(tls: TlsIdentity, proxy: HttpProxy | undefined): Route {
    const problem = tlsProblem(tls);
    if (problem !== undefined) throw new Error(problem);
    return proxy === undefined
      ? { agents: this.securely(tls), secure: true, forwarded: false }
      : this.tunnelled(proxy, tls);
  }

  private retireEldest(): void {
    const [eldest] = this.identities;
    if (eldest === undefined || this.identities.size <= LIMITS.tlsIdentities) return;
    const [name, { agents }] = eldest;
    this.identities.delete(name);
    closing(agents.kept);
    for (const socket of Object.values(agents.kept.freeSockets).flat()) socket?.destroy();
    for (const pair of this.retired) if (isIdle(pair)) this.retired.delete(pair);
    this.retired.add(agents);
  }
}

const isIdle = ({ kept, own }: Agents): boolean =>
  [kept, own].every(({ sockets }) => Object.keys(sockets).length === 0);
