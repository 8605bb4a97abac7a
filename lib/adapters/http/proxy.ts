import { isLoopback, PROXY_ENV, type ProxyAddress, readNoProxy, readProxy } from '../../contract/proxy.ts';
import { EngineError } from '../../engine/errors.ts';
import type { HttpProxy, Proxies } from './agents.ts';
import { Tunnels } from './tunnels.ts';

/** @example proxiesOf({ HTTPS_PROXY: 'http://proxy.example.com:3128' })?.of(new URL('https://api.example.com'))?.host // 'proxy.example.com:3128' */
export interface ProxiesOfEnvironment extends Proxies {
  /** What the user should know of the variables. */
  readonly notes: readonly string[];
}

/**
 * The proxies that the environment names; undefined where it names none.
 * - `https_proxy`, else `HTTPS_PROXY`, for https targets; `http_proxy`, else `HTTP_PROXY`, for http targets. One that is set and empty
 *   means none. `ALL_PROXY` is not read.
 * - `no_proxy`, else `NO_PROXY`, are the hosts that are called directly: see `readNoProxy`. This machine is one of them always.
 *
 * Errors: `EngineError` `CONFIGURATION`, which names a variable that is no address of a proxy, and never quotes it.
 */
export function proxiesOf(
  env: Readonly<Record<string, string | undefined>>,
): ProxiesOfEnvironment | undefined {
  const https = proxyIn(env, PROXY_ENV.https);
  const http = proxyIn(env, PROXY_ENV.http);
  if (https === undefined && http === undefined) return undefined;
  const direct = readNoProxy(variableOf(env, PROXY_ENV.none)?.value ?? '');
  return {
    of: ({ protocol, hostname, port }) => {
      const secure = protocol === 'https:';
      const proxy = secure ? https : http;
      if (proxy === undefined || isLoopback(hostname)) return undefined;
      return direct.has(hostname, Number(port || (secure ? 443 : 80))) ? undefined : proxy;
    },
    tunnels: (proxy, pool, trusted, tls) => new Tunnels(proxy, pool, trusted, tls),
    notes: direct.unknown.map(
      (entry) =>
        `NO_PROXY: ${JSON.stringify(entry)} is passed over; write a host, .suffix, an address, a range such as 10.0.0.0/8, or *`,
    ),
  };
}

/** The variable that counts, by its name. */
function variableOf(env: Readonly<Record<string, string | undefined>>, name: string) {
  for (const one of [name.toLowerCase(), name]) {
    const value = env[one]?.trim();
    if (value !== undefined) return { name: one, value };
  }
  return undefined;
}

function proxyIn(env: Readonly<Record<string, string | undefined>>, variable: string): HttpProxy | undefined {
  const { name, value } = variableOf(env, variable) ?? {};
  if (value === undefined || value === '') return undefined;
  const read = readProxy(value);
  if ('problem' in read) {
    throw new EngineError('CONFIGURATION', `the environment variable ${name} ${read.problem}`);
  }
  return proxyAt(read);
}

function proxyAt({ url, authorization }: ProxyAddress): HttpProxy {
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port || (secure ? '443' : '80');
  return {
    ...{ url, secure, hostname, port, host: url.host },
    ...(authorization === undefined ? {} : { authorization }),
  };
}
