import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import * as z from 'zod';
import type { Stage } from '../e2e/stage.ts';

/** Who signs, as the environment says it: `process.env`, or that of a `MiniStack`. Temporary credentials bring a token. */
const signer = z
  .object({
    AWS_ACCESS_KEY_ID: z.string().min(1),
    AWS_SECRET_ACCESS_KEY: z.string().min(1),
    AWS_SESSION_TOKEN: z.string().optional(),
    AWS_REGION: z.string().min(1),
  })
  .transform((env) => ({
    region: env.AWS_REGION,
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID,
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
      ...(env.AWS_SESSION_TOKEN ? { sessionToken: env.AWS_SESSION_TOKEN } : {}),
    },
  }));

/** The URL of an HTTP API on MiniStack, which tells APIs apart by their host. */
export const miniStackApi = (apiId: string, { endpoint }: { readonly endpoint: string }): string =>
  endpoint.replace('127.0.0.1', `${apiId}.execute-api.localhost`);

/**
 * Sends requests to an HTTP API with IAM authorization, signed with SigV4. Redirects are not followed. With the signing
 * name of another service it sends requests to that.
 * Errors: the environment has no credentials; or as `node:http`, when there is no answer.
 * @example const send = signedFetch('https://a1b2c3d4.execute-api.eu-central-1.amazonaws.com', process.env);
 * await send('/api/workflows', { method: 'GET' });
 */
export function signedFetch(
  baseUrl: string,
  env: NodeJS.ProcessEnv,
  service = 'execute-api',
): Stage['fetch'] {
  const signature = new SignatureV4({ service, sha256: Sha256, ...signer.parse(env) });
  return async (path, init) => {
    const request = new Request(new URL(path, baseUrl), init);
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
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
    return exchange(url, request, headers, body, env.NODE_EXTRA_CA_CERTS);
  };
}

/**
 * The same without a signature. `headers` go with every request, a token for instance.
 * @example const send = unsignedFetch(apiUrl, aws.env, { authorization: `Bearer ${token}` });
 */
export const unsignedFetch =
  (baseUrl: string, env: NodeJS.ProcessEnv, headers: Readonly<Record<string, string>> = {}): Stage['fetch'] =>
  async (path, init) => {
    const request = new Request(new URL(path, baseUrl), init);
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const url = new URL(request.url);
    return exchange(
      url,
      request,
      { ...Object.fromEntries(request.headers), ...headers, host: url.host },
      body,
      env.NODE_EXTRA_CA_CERTS,
    );
  };

/** Each name with all its values, which are signed one by one. */
const queryOf = ({ searchParams }: URL): Record<string, string[]> =>
  Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));

/** Beneath Node's `fetch`, which takes no Host header. */
async function exchange(
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
