import * as z from 'zod';
import { bodyOf, exchange, signedFetch as signed } from '../../../lib/probe/signed-fetch.ts';
import type { Stage } from '../../e2e/stage.ts';

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
 * Sends signed requests as whom the environment names.
 * Errors: the environment has no credentials; or as `node:http`, when there is no answer.
 * @example const send = signedFetch('https://a1b2c3d4.execute-api.eu-central-1.amazonaws.com', process.env);
 * await send('/api/workflows', { method: 'GET' });
 */
export const signedFetch = (baseUrl: string, env: NodeJS.ProcessEnv, service?: string): Stage['fetch'] =>
  signed(baseUrl, signer.parse(env), service, env.NODE_EXTRA_CA_CERTS);

/**
 * The same without a signature. `headers` go with every request, a token for instance.
 * @example const send = unsignedFetch(apiUrl, aws.env, { authorization: `Bearer ${token}` });
 */
export const unsignedFetch =
  (baseUrl: string, env: NodeJS.ProcessEnv, headers: Readonly<Record<string, string>> = {}): Stage['fetch'] =>
  async (path, init) => {
    const request = new Request(new URL(path, baseUrl), init);
    const body = await bodyOf(request);
    const url = new URL(request.url);
    return exchange(
      url,
      request,
      { ...Object.fromEntries(request.headers), ...headers, host: url.host },
      body,
      env.NODE_EXTRA_CA_CERTS,
    );
  };
