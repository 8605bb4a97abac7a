import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';

type Init = ConstructorParameters<typeof SignatureV4>[0];

/** Who signs: credentials, or what fetches them. */
export interface Signer extends Pick<Init, 'credentials'> {
  readonly region: string;
  /** The name of the service that is called. Default: `execute-api`. */
  readonly service?: string;
}

/** The headers of a request with its signature among them. `Host` is signed too, and sent by `fetch` itself. */
export async function signed(
  { service = 'execute-api', ...signer }: Signer,
  url: URL,
  { method, headers, body }: { method: string; headers: Readonly<Record<string, string>>; body?: string },
): Promise<Record<string, string>> {
  const signature = new SignatureV4({ service, sha256: Sha256, ...signer });
  const request = await signature.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { ...headers, host: url.host },
    ...(body === undefined ? {} : { body }),
  });
  const { host: _, ...sent } = request.headers;
  return sent;
}
