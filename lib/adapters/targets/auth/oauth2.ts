import * as z from 'zod';
import type { AuthOf } from '../../../contract/auth.ts';
import { HEADER_VALUE } from '../../../contract/headers.ts';
import { LIMITS } from '../../../contract/limits.ts';
import { EngineError } from '../../../engine/errors.ts';
import type { HttpOutcome, HttpRequest } from '../../../engine/ports.ts';
import type { Desk, Signer, Signing } from './kind.ts';

/**
 * What a token is read from. Not by a client's library: simple-oauth2 takes `{ "error": … }` for a token that never ends, openid-client refuses a
 * missing `token_type`, `expires_in: null` and status 201, all of which are answered by real servers.
 */
const answer = z.looseObject({
  access_token: z.string().min(1).regex(HEADER_VALUE),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
});
const problem = z.looseObject({ error: z.string().regex(/^[\w.-]{1,60}$/) });

/** Times in milliseconds since 1970. */
interface Token {
  readonly text: string;
  readonly madeAt: number;
  readonly until: number;
}

/** Client credentials of OAuth 2.0 (RFC 6749, 4.4). A token is asked for once by all calls that need it, and kept until shortly before its end. */
export function oauth2(auth: AuthOf<'oauth2'>): Signer {
  let kept: { readonly by: string; readonly token: Token } | undefined;
  let underWay: { readonly by: string; readonly token: Promise<Token> } | undefined;

  const tokenOf = async (request: HttpRequest, desk: Desk): Promise<Token> => {
    // Another client, or a secret that was rotated, has a token of its own.
    const by = JSON.stringify([request.url, request.headers.authorization, request.body]);
    if (kept?.by === by && desk.clock.now() < kept.token.until) return kept.token;
    if (underWay?.by !== by) {
      const token = fetched(request, desk).finally(() => {
        if (underWay?.token === token) underWay = undefined;
      });
      underWay = { by, token };
    }
    const token = await underWay.token;
    kept = { by, token };
    return token;
  };

  return {
    signing: async (desk): Promise<Signing> => {
      const { text } = await tokenOf(requestOf(auth, desk), desk);
      return { headers: { authorization: `Bearer ${text}` }, secrets: [text] };
    },
    renew: (status, now, since) => {
      if (status !== 401 || kept === undefined) return undefined;
      const { madeAt } = kept.token;
      if (now - madeAt < LIMITS.secretReread * 1_000) return madeAt >= since ? 'fresh' : 'tooSoon';
      kept = undefined;
      return 'again';
    },
  };
}

function requestOf(auth: AuthOf<'oauth2'>, desk: Desk): HttpRequest {
  const { tokenUrl, scope, credentials, parameters = {} } = auth;
  const [id, secret] = [desk.value(auth.clientId), desk.value(auth.clientSecret)];
  const form = new URLSearchParams({ ...parameters, grant_type: 'client_credentials' });
  if (scope !== undefined) form.set('scope', scope);
  if (credentials === 'form') {
    form.set('client_id', id);
    form.set('client_secret', secret);
  }
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    ...(credentials === 'form' ? {} : { authorization: `Basic ${pairOf(id, secret)}` }),
  };
  const tls = desk.tlsFor(tokenUrl);
  return {
    method: 'POST',
    url: tokenUrl,
    headers,
    body: form.toString(),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** RFC 6749, 2.3.1: both are encoded as in a form before they are joined. */
const pairOf = (id: string, secret: string): string =>
  Buffer.from([id, secret].map(encodedInForm).join(':')).toString('base64');
const encodedInForm = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);

async function fetched(request: HttpRequest, desk: Desk): Promise<Token> {
  const madeAt = desk.clock.now();
  const outcome = await desk.http.call(request, LIMITS.tokenRequest * 1_000);
  const parsed = answer.safeParse(
    outcome.kind === 'reply' && isGood(outcome) ? jsonOf(outcome.body) : undefined,
  );
  if (!parsed.success) throw unanswered(outcome, request.url, desk);
  const life = parsed.data.expires_in ?? LIMITS.tokenAge;
  const margin = Math.min(LIMITS.tokenMargin, life / 2);
  return { text: parsed.data.access_token, madeAt, until: madeAt + (life - margin) * 1_000 };
}

const isGood = ({ status }: { readonly status: number }): boolean => status >= 200 && status < 300;

/** Only what cannot hold a secret goes on: the status, and the error's code as the RFC has it. */
function unanswered(outcome: HttpOutcome, tokenUrl: string, { target }: Desk): EngineError {
  const { host } = new URL(tokenUrl);
  const subject = `the token for target "${target}" was not given by ${host}`;
  const next =
    'Check tokenUrl, clientId, clientSecret, scope and credentials in the auth of the target, and that the client may have tokens.';
  if (outcome.kind === 'failure') {
    const isOurs = outcome.code === 'REQUEST_INVALID' || outcome.code === 'REPLY_TOO_LARGE';
    return isOurs
      ? new EngineError('TARGET_MISSING', `${subject}: ${outcome.code}`, { next })
      : new EngineError('SECRET_UNAVAILABLE', `${subject}: ${outcome.code}`);
  }
  const said = problem.safeParse(jsonOf(outcome.body));
  const why = `${outcome.status}${said.success ? ` ${said.data.error}` : ''}`;
  const { status } = outcome;
  if (status >= 500 || status === 408 || status === 429)
    return new EngineError('SECRET_UNAVAILABLE', `${subject}: it answered ${why}`);
  const unread = isGood(outcome) && !said.success ? ', without an access_token' : '';
  return new EngineError('TARGET_MISSING', `${subject}: it answered ${why}${unread}`, { next });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
