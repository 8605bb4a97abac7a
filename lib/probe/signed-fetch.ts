import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';

type Init = ConstructorParameters<typeof SignatureV4>[0];

/** Who signs: credentials, or where they come from. */
export type Signer = Pick<Init, 'region' | 'credentials'>;

/** Sends a request to a path of one service. */
export type Send = (path: string, init?: RequestInit) => Promise<Response>;

/**
 * Sends requests that are signed with SigV4: to an HTTP API with IAM authorization, or with the signing name of another
 * service to that. Redirects are not followed.
 * Errors: there are no credentials; or as `node:http`, when there is no answer.
 * @param authorities a file of certificates to be trusted besides, as `NODE_EXTRA_CA_CERTS` names one
 * @example const send = signedFetch('https://a1b2c3d4.execute-api.eu-central-1.amazonaws.com', signer);
 * await send('/api/workflows', { method: 'GET' });
 */
export function signedFetch(
  baseUrl: string,
  signer: Signer,
  service = 'execute-api',
  authorities?: string,
): Send {
  const signature = new SignatureV4({ service, sha256: Sha256, ...signer });
  return async (path, init) => {
    const request = new Request(new URL(path, baseUrl), init);
    const body = await bodyOf(request);
    const url = new URL(request.url);
    const { headers } = await signature.sign({
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: queryOf(url),
      headers: { ...Object.fromEntries(request.headers), host: url.host },
      ...(body === undefined ? {} : { body }),
    });
    return exchange(url, request, headers, body, authorities);
  };
}

export const bodyOf = async (request: Request): Promise<Buffer | undefined> =>
  request.body === null ? undefined : Buffer.from(await request.arrayBuffer());

/** Each name with all its values, which are signed one by one. */
const queryOf = ({ searchParams }: URL): Record<string, string[]> =>
  Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));

/** Beneath Node's `fetch`, which takes no Host header. */
export async function exchange(
  url: URL,
  { method, signal }: Request,
  headers: Record<string, string>,
  body: Buffer | undefined,
  authorities: string | undefined,
): Promise<Response> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const local = isLocal(url) ? { hostname: '127.0.0.1', servername: 'localhost' } : {};
    // Node reads the variable when it starts; the emulator that it is about may be younger.
    const trust = authorities === undefined ? {} : { ca: readFileSync(authorities) };
    send(url, { method, headers, signal, ...local, ...trust }, resolve)
      .once('error', reject)
      .end(body);
  });
  const content = await buffer(message);
  const answered = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct))
    for (const value of values) answered.append(name, value);
  // A status such as 204 has no body, not even an empty one. An answer has a status, though its type does not say so.
  return new Response(content.length === 0 ? null : content, {
    status: message.statusCode ?? 0,
    headers: answered,
  });
}

/** Names under localhost are this machine (RFC 6761), though not every resolver knows it. */
const isLocal = ({ hostname }: URL): boolean => hostname.endsWith('.localhost');
