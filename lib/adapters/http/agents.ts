import { Agent as HttpAgent } from 'node:http';
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

/**
 * The connections of all calls, in pairs of agents: one for http, one for https, and one for each TLS identity. A connection that was made
 * under one identity is in no other pair.
 */
export class Connections {
  private readonly plain = agentsOf((pool) => new HttpAgent(pool));
  private readonly secure: Agents;
  /** By their PEM texts, the one that was used last at the end. */
  private readonly identities = new Map<string, Agents>();
  /** Pairs that serve no further call, until their last one has ended. */
  private readonly retired = new Set<Agents>();

  /** @param trusted certificate authorities instead of Node's own, as PEM, for calls without an identity */
  constructor(trusted?: string) {
    const ca = trusted === undefined ? {} : { ca: trusted };
    this.secure = agentsOf((pool) => new HttpsAgent({ ...pool, ...ca }));
  }

  /** Errors: throws where the identity cannot be used, with what to write. */
  of({ protocol }: URL, tls: TlsIdentity | undefined): Agents {
    const secure = protocol === 'https:';
    if (tls !== undefined) return this.under(tls, secure);
    return secure ? this.secure : this.plain;
  }

  /** Ends idle and running connections. */
  close(): void {
    const all = [this.plain, this.secure, ...this.identities.values(), ...this.retired];
    for (const agent of all.flatMap(({ kept, own }) => [kept, own])) agent.destroy();
    this.identities.clear();
    this.retired.clear();
  }

  private under(tls: TlsIdentity, secure: boolean): Agents {
    if (!secure) throw new Error('tls is for https alone, and the URL begins with http:');
    const { ca, cert, key } = tls;
    const name = JSON.stringify([ca, cert, key]);
    const known = this.identities.get(name);
    const agents = known ?? this.made(tls);
    this.identities.delete(name);
    this.identities.set(name, agents);
    if (known === undefined) this.retireEldest();
    return agents;
  }

  private made(tls: TlsIdentity): Agents {
    const problem = tlsProblem(tls);
    if (problem !== undefined) throw new Error(problem);
    return agentsOf((pool) => new HttpsAgent({ ...pool, ...tls }));
  }

  private retireEldest(): void {
    const [eldest] = this.identities;
    if (eldest === undefined || this.identities.size <= LIMITS.tlsIdentities) return;
    const [name, agents] = eldest;
    this.identities.delete(name);
    closing(agents.kept);
    for (const socket of Object.values(agents.kept.freeSockets).flat()) socket?.destroy();
    for (const pair of this.retired) if (isIdle(pair)) this.retired.delete(pair);
    this.retired.add(agents);
  }
}

const isIdle = ({ kept, own }: Agents): boolean =>
  [kept, own].every(({ sockets }) => Object.keys(sockets).length === 0);
