import type { IncomingHttpHeaders } from 'node:http';
import { SITE_HEADER } from '../../contract/names.ts';

/*
 * Whatever listens on loopback can be reached from every web page that a browser of this machine shows: a page may send a
 * request anywhere, and its author may let a name of his own lead to 127.0.0.1 (DNS rebinding), so that the page reads the
 * answer too. A browser says in three headers where a request comes from; a program that is no browser sends a `Host` alone.
 */

/** What the guard reads of a request. */
export interface Caller {
  /** The port that the request came to. */
  readonly port: number;
  readonly headers: IncomingHttpHeaders;
}

export interface GuardOptions {
  /** Origins of pages that may call, as a browser writes them: `http://localhost:5173`. */
  readonly allowedOrigins: readonly string[];
  /** The option by which its user lets a page in; undefined where no page is ever let in. */
  readonly option?: string;
}

/** Why a request is refused, and what to do, in words; undefined for one that may pass. */
export function refusalOf({ port, headers }: Caller, options: GuardOptions): string | undefined {
  const own = ownHosts(port);
  const { host, origin } = headers;
  if (host === undefined || !own.has(host.toLowerCase())) {
    return `this server answers only to ${[...own].join(', ')}, and the request’s Host is ${quoted(host)}: call it by one of these. A proxy or a tunnel in between must send this Host`;
  }
  if (origin !== undefined && options.allowedOrigins.includes(origin)) return undefined;
  if (origin !== undefined && !isOwnOrigin(origin, own)) return foreignPage(origin, options);
  const site = headers[SITE_HEADER];
  if (site === undefined || OWN_SITES.has(String(site))) return undefined;
  return foreignPage(undefined, options);
}

/** What a browser says of a request that its user made, or a page of this very server. */
const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);

const HTTP_PORT = 80;
const NAMES = ['127.0.0.1', 'localhost', '[::1]'] as const;
const hosts = new Map<number, ReadonlySet<string>>();

/** Every `Host` that names a server on this port of this machine. A client leaves the port out where it is that of HTTP. */
function ownHosts(port: number): ReadonlySet<string> {
  const known = hosts.get(port);
  if (known !== undefined) return known;
  const made = new Set(NAMES.map((name) => `${name}:${port}`));
  if (port === HTTP_PORT) for (const name of NAMES) made.add(name);
  hosts.set(port, made);
  return made;
}

const SCHEME = 'http://';
const isOwnOrigin = (origin: string, own: ReadonlySet<string>): boolean =>
  origin.startsWith(SCHEME) && own.has(origin.slice(SCHEME.length));

function foreignPage(origin: string | undefined, { option }: GuardOptions): string {
  const page = origin === undefined ? 'a page of another site' : `the page of ${quoted(origin)}`;
  const refused = `${page} may not call this server`;
  if (option === undefined) return `${refused}: call it from a terminal or a program`;
  // A page without an origin (`null`: a sandboxed frame, a file) cannot be told from any other such page.
  const named = origin === undefined || origin === 'null' ? 'the origin of your page' : origin;
  return `${refused}. If it is your own front end, start again with ${option} ${shown(named)}`;
}

const SHOWN = 200;
const shown = (text: string): string => text.slice(0, SHOWN);
const quoted = (text: string | undefined): string =>
  text === undefined ? 'missing' : JSON.stringify(shown(text));
