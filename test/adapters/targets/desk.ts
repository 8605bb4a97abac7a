import { authKinds } from '../../../lib/adapters/targets/auth/all.ts';
import type { SecretReader } from '../../../lib/adapters/targets/reader.ts';
import { parseTargets } from '../../../lib/adapters/targets/settings.ts';
import { createTargets } from '../../../lib/adapters/targets/targets.ts';
import { EngineError } from '../../../lib/engine/errors.ts';
import type { HttpOutcome, HttpRequest, ResolvedTarget, Targets } from '../../../lib/engine/ports.ts';

/** Secrets in memory, a clock that is set, and an authorization server that answers as told. */
export interface TestDesk {
  /** By name; a reader that was asked within ten seconds is not asked again by `renew`. */
  readonly secrets: Record<string, string>;
  now: number;
  readonly env: Record<string, string>;
  /** What came to the authorization server, and what it answers: the last of them again and again. */
  readonly asked: HttpRequest[];
  readonly answers: HttpOutcome[];
  targets(settings: object, more?: { secrets?: object }): Targets;
}

export const reply = (body: unknown, status = 200): HttpOutcome => ({
  kind: 'reply',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

export function testDesk(secrets: Record<string, string> = {}): TestDesk {
  const kept = new Map<string, { readonly value: string | undefined; readonly at: number }>();
  const desk: TestDesk = {
    secrets,
    now: 1_790_000_000_000,
    env: {},
    asked: [],
    answers: [],
    targets: (settings) =>
      createTargets({
        ...{ settings: parseTargets(settings, {}), secrets: {}, reader, authKinds, env: desk.env },
        clock: { now: () => desk.now },
        http: {
          call: async (request) => {
            desk.asked.push(request);
            const answer = desk.answers.length > 1 ? desk.answers.shift() : desk.answers[0];
            if (answer === undefined) throw new Error('nothing is asked of an authorization server here');
            return answer;
          },
        },
        remedy: (what, name) => `Add the ${what} "${name}".`,
      }),
  };
  const reader: SecretReader = {
    read: async (_store, name) => {
      const known = kept.get(name) ?? { value: desk.secrets[name], at: desk.now };
      kept.set(name, known);
      return known.value;
    },
    forget: (_store, name) => {
      kept.delete(name);
    },
    renew: (_store, name, since) => {
      const at = kept.get(name)?.at ?? 0;
      if (desk.now - at < 10_000) return at >= since ? 'fresh' : 'tooSoon';
      kept.delete(name);
      return 'again';
    },
  };
  return desk;
}

/** A target as it is after that status; fails the test where it is the same. */
export async function newer(target: ResolvedTarget, status: number): Promise<ResolvedTarget> {
  const again = await target.renewed?.(status);
  if (again === undefined || again === 'tooSoon') throw new Error(`nothing is newer: ${again}`);
  return again;
}

/** What was thrown; fails the test where that is no error of the engine's family. */
export async function refusal(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof EngineError) return error;
  throw new Error('no EngineError was thrown');
}

/** What a request of a target becomes before it goes out. */
export async function sentBy(
  targets: Targets,
  name: string,
  request: Partial<HttpRequest> & { path?: string },
) {
  const target = await targets.resolve(name);
  const { path = '/', ...more } = request;
  const plain: HttpRequest = {
    method: 'GET',
    url: target.baseUrl + path,
    ...more,
    headers: { ...more.headers, ...target.headers },
  };
  return { target, sent: (await target.prepare?.(plain)) ?? plain };
}

export const inStore = (name: string, more: object = {}) => ({ store: 'secrets-manager', name, ...more });
