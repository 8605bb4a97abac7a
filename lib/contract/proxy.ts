import { BlockList, isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

/** The variables by which programs learn of a proxy. Each counts in lower case first, as curl has it; one that is set and empty means none. */
export const PROXY_ENV = { https: 'HTTPS_PROXY', http: 'HTTP_PROXY', none: 'NO_PROXY' } as const;

/** Where a proxy listens, and with what it wants to be asked. */
export interface ProxyAddress {
  /** Without user name and password. */
  readonly url: URL;
  /** The value of `Proxy-Authorization`; left out where the URL has no user name. */
  readonly authorization?: string;
}

/**
 * The address of a proxy.
 * @returns a problem, said of the text ("has no …, write …"), if it is none. It never quotes the text, which may hold a password.
 * @example readProxy('http://me:s3cret@proxy.example.com:3128') // { url: 'http://proxy.example.com:3128/', authorization: 'Basic …' }
 */
export function readProxy(text: string): ProxyAddress | { readonly problem: string } {
  const write = 'write http://host:port, or https://host:port for a proxy that speaks TLS itself';
  if (!/^https?:\/\//i.test(text)) return { problem: `must begin with http:// or https://; ${write}` };
  if (!URL.canParse(text)) return { problem: `is no URL; ${write}` };
  const url = new URL(text);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return { problem: `has a path or a query, which a proxy has not; ${write}` };
  }
  if (url.username === '' && url.password === '') return { url };
  try {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    url.username = '';
    url.password = '';
    return { url, authorization: `Basic ${Buffer.from(user).toString('base64')}` };
  } catch {
    return { problem: 'has a % in its user name or password that begins no escape; write %25 for a %' };
  }
}

/** Says of a host, as a URL writes it, and a port whether it is called directly. */
type Rule = (hostname: string, port: number) => boolean;

/** The hosts that are called directly, and entries that say none. */
export interface NoProxy {
  readonly has: Rule;
  readonly unknown: readonly string[];
}

/**
 * Reads `NO_PROXY`: entries between commas or spaces, in upper or lower case.
 * - `api.example.com`: this host, and none below it. `.example.com` and `*.example.com`: all hosts below it.
 * - `10.1.2.3`, `2001:db8::1`, `10.0.0.0/8`: these addresses, where a URL has an address. No name is looked up.
 * - Each but a range may say a port: `api.example.com:8443`, `[2001:db8::1]:8443`.
 * - `*`: everything.
 * @example readNoProxy('.internal, 10.0.0.0/8').has('api.internal', 443) // true
 */
export function readNoProxy(text: string): NoProxy {
  const entries = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  const read = entries.map((entry) => ({ entry, rule: ruleOf(entry) }));
  const rules = read.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  return {
    has: (hostname, port) => rules.some((rule) => rule(hostname, port)),
    unknown: read.flatMap(({ entry, rule }) => (rule === undefined ? [entry] : [])),
  };
}

function ruleOf(entry: string): Rule | undefined {
  if (entry === '*') return () => true;
  const [, base = '', bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (bits !== undefined) return rangeRule(base, Number(bits));
  if (isIPv6(entry)) return addressRule(entry);
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:[\]/]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const rule = bracketed === undefined ? hostRule(plain) : addressRule(bracketed);
  if (rule === undefined || port === undefined) return rule;
  return (hostname, called) => called === Number(port) && rule(hostname, called);
}

function hostRule(host: string): Rule | undefined {
  if (isIP(host) !== 0) return addressRule(host);
  const below = /^\*?\./.test(host);
  const name = domainToASCII(withoutDot(host.replace(/^\*?\./, '')));
  // What ends with a number is an address that was cut off, to a URL as well.
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) || /(^|\.)\d+$/.test(name)) return undefined;
  return below
    ? (hostname) => withoutDot(hostname).endsWith(`.${name}`)
    : (hostname) => withoutDot(hostname) === name;
}

const withoutDot = (name: string): string => name.replace(/\.$/, '');

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

function addressRule(address: string): Rule | undefined {
  if (isIP(address) === 0) return undefined;
  const list = new BlockList();
  list.addAddress(address, familyOf(address));
  return (hostname) => isIn(list, hostname);
}

function rangeRule(base: string, bits: number): Rule | undefined {
  if (isIP(base) === 0 || bits > (isIPv6(base) ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(base, bits, familyOf(base));
  return (hostname) => isIn(list, hostname);
}

/** A URL writes an IPv6 address in brackets. */
function isIn(list: BlockList, hostname: string): boolean {
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(address) !== 0 && list.check(address, familyOf(address));
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether a host, as a URL writes it, is this machine: no proxy can lead there. */
export const isLoopback = (hostname: string): boolean =>
  /(^|\.)localhost\.?$/.test(hostname) || isIn(LOOPBACK, hostname);
