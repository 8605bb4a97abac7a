import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AuthOf } from '../../../contract/auth.ts';
import { EngineError } from '../../../engine/errors.ts';
import type { HttpRequest } from '../../../engine/ports.ts';
import type { Desk, Signer } from './kind.ts';

/** AWS Signature Version 4, with the credentials that Lambda gives its function by its environment. */
export const sigv4 = ({ service, region }: AuthOf<'sigv4'>): Signer => ({
  signing(desk) {
    const signature = new SignatureV4({
      service,
      region: region ?? variable(desk, 'AWS_REGION'),
      credentials: credentialsOf(desk),
      sha256: Sha256,
      // Of all services S3 alone has its paths encoded once.
      uriEscapePath: service !== 's3',
    });
    return { sign: async (request) => await signed(signature, request) };
  },
});

async function signed(signature: SignatureV4, request: HttpRequest): Promise<HttpRequest> {
  const { method, url, headers, body } = request;
  const { protocol, hostname, host, pathname, searchParams } = new URL(url);
  const query = Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));
  const made = await signature.sign({
    ...{ method, protocol, hostname, query },
    path: pathname,
    headers: { ...headers, host },
    ...(body === undefined ? {} : { body }),
  });
  // The client says itself whom it calls.
  const { host: _, ...rest } = made.headers;
  return { ...request, headers: rest };
}

function credentialsOf(desk: Desk) {
  const { AWS_SESSION_TOKEN } = desk.env;
  return {
    accessKeyId: variable(desk, 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: variable(desk, 'AWS_SECRET_ACCESS_KEY'),
    ...(AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: AWS_SESSION_TOKEN }),
  };
}

function variable({ env, target }: Desk, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new EngineError(
    'TARGET_MISSING',
    `the requests to target "${target}" are signed with AWS credentials, and ${name} is not set`,
    {
      next: 'Sign in, and run eval "$(aws configure export-credentials --format env)" before you start; set AWS_REGION, or region in the auth of the target.',
    },
  );
}
