import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { HttpRequest } from '../engine/ports.ts';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Why a TLS identity cannot be used: by the name of its part, and what to write. Undefined if it can. Node itself passes over a `ca`
 * that it cannot read, and tells of the others only at the call. Nothing of a key is quoted.
 * @example tlsProblem({ cert }) // 'tls.cert has no tls.key beside it; give both, or neither'
 */
export function tlsProblem(tls: NonNullable<HttpRequest['tls']>): string | undefined {
  const { ca, cert, key } = tls;
  if (cert !== undefined && key === undefined)
    return 'tls.cert has no tls.key beside it; give both, or neither';
  if (key !== undefined && cert === undefined)
    return 'tls.key has no tls.cert beside it; give both, or neither';
  const authorities = ca === undefined ? [] : certificatesIn('ca', ca);
  if (typeof authorities === 'string') return authorities;
  if (cert !== undefined && key !== undefined) {
    const certificates = certificatesIn('cert', cert);
    if (typeof certificates === 'string') return certificates;
    const problem = pairProblem(certificates, key);
    if (problem !== undefined) return problem;
  }
  return contextProblem(tls);
}

/** The certificates of a PEM text, or what is wrong with it. Whatever stands between them is a comment. */
function certificatesIn(part: 'ca' | 'cert', pem: string): readonly X509Certificate[] | string {
  const begun = pem.split(BEGIN).length - 1;
  const whole = pem.match(CERTIFICATE) ?? [];
  if (begun === 0) return `tls.${part} holds no certificate; write PEM, which begins with ${BEGIN}`;
  if (whole.length !== begun) return `tls.${part} holds a certificate that was cut off; write it whole`;
  const read = whole.map(parsed);
  const bad = read.indexOf(undefined);
  if (bad === -1) return read.filter((one) => one !== undefined);
  return `tls.${part}: its certificate ${bad + 1} of ${begun} cannot be read; write it as its authority gave it`;
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function pairProblem([own]: readonly X509Certificate[], key: string): string | undefined {
  let parsedKey: KeyObject;
  try {
    parsedKey = createPrivateKey(key);
  } catch {
    return 'tls.key cannot be read; write a private key as PEM, without a passphrase';
  }
  if (own?.checkPrivateKey(parsedKey)) return undefined;
  return 'tls.key does not belong to tls.cert; write the key of its first certificate, which must be the client’s own';
}

/** What OpenSSL refuses beyond that, such as a key that is too short. */
function contextProblem(tls: NonNullable<HttpRequest['tls']>): string | undefined {
  try {
    createSecureContext(tls);
    return undefined;
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    return `tls cannot be used: ${why}; write others`;
  }
}
