import { LIMITS } from '../contract/limits.ts';
import { NoAnswer, ProblemError } from './errors.ts';
import type { Settled } from './options.ts';
import { pauseAfter } from './retry.ts';

export interface Ask {
  readonly method: 'GET' | 'POST';
  /** Below the address of the API. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Asking twice does no more than asking once. */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal | undefined;
  /** No repeat begins after this, in milliseconds since 1970. */
  readonly until?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Sends a request, and repeats it where that is safe. The answer is a 2xx, or a 304.
 * Errors: `ProblemError`, `NoAnswer`, the reason of the signal.
 */
export type Exchange = (ask: Ask) => Promise<Reply>;

export function createExchange(address: string, options: Settled): Exchange {
  const base = baseOf(address);
  const { retries, sleep, random, now } = options;
  return async (ask) => {
    for (let attempt = 1; ; attempt += 1) {
      ask.signal?.throwIfAborted();
      const end = await attemptOf(base, ask, options);
      ask.signal?.throwIfAborted();
      if ('reply' in end && (end.reply.status < 300 || end.reply.status === 304)) return end.reply;
      const heard =
        'reply' in end
          ? { status: end.reply.status, retryAfter: end.reply.headers.get('retry-after') }
          : { status: undefined };
      const mayRepeat = ask.repeatable && attempt <= retries;
      const pause = mayRepeat ? pauseAfter(heard, attempt, random(), now()) : undefined;
      if (pause !== undefined && now() + pause <= (ask.until ?? Number.POSITIVE_INFINITY))
        await sleep(pause, ask.signal);
      else if ('reply' in end) throw new ProblemError(end.reply);
      else throw new NoAnswer(`${ask.method} ${ask.path}`, attempt, end.error);
    }
  };
}

/** Errors: `TypeError` for what is no address. */
function baseOf(address: string): string {
  const url = new URL(address);
  if (!/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new TypeError(`${address} is not the address of an API; write one such as https://api.example.com`);
  }
  return url.href.replace(/\/+$/, '');
}

/** What a browser keeps would make a 200 of a 304. Node's own types do not know the option. */
const UNCACHED = { cache: 'no-store' } as const;

type End = { readonly reply: Reply } | { readonly error: unknown };

async function attemptOf(base: string, ask: Ask, options: Settled): Promise<End> {
  const { method, signal, body } = ask;
  const url = urlOf(base, ask);
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  // Whoever cannot sign need not ask: that is no failure of the network.
  const headers = await headersOf(url, ask, text, options);
  const deadline = AbortSignal.timeout(LIMITS.clientTimeoutMs);
  try {
    const response = await options.fetch(url.href, {
      method,
      headers,
      ...text,
      // A signature, or a token, is for this address alone.
      redirect: 'error',
      ...UNCACHED,
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    return { reply: { status: response.status, headers: response.headers, text: await response.text() } };
  } catch (error) {
    return { error };
  }
}

function urlOf(base: string, { path, query = {} }: Ask): URL {
  const url = new URL(base + path);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

async function headersOf(
  url: URL,
  { method, headers = {}, body }: Ask,
  text: { readonly body?: string },
  { auth }: Settled,
): Promise<Record<string, string>> {
  const plain = { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  if (auth === undefined) return plain;
  if ('bearer' in auth) {
    const token = typeof auth.bearer === 'string' ? auth.bearer : await auth.bearer();
    return { ...plain, authorization: `Bearer ${token}` };
  }
  // Loaded only where it is needed.
  const { signed } = await import('./signing.ts');
  return await signed(auth.sign, url, { method, headers: plain, ...text });
}
