import type { ChainDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { KEY_FORMATS, writtenKey } from '../chain/request/key.ts';
import { LIMITS } from '../contract/limits.ts';
import { CALL_HEADERS } from '../contract/names.ts';
import type { HttpRequest } from '../engine/ports.ts';
import type { Answer } from './fakes/answer.ts';
import type { Attempt } from './fakes/call.ts';
import { type Fakes, idempotencyOf } from './fakes/fakes.ts';

/** What a target knows of a key. */
export interface Known {
  /** When it came first, in milliseconds since 1970. */
  readonly since: number;
  hasActed?: true;
  answer?: Answer;
}

/** A key as its target reads it, and what the target remembers of it; nothing of one that it does not read. */
export interface Read {
  readonly key: string | undefined;
  readonly memory: Known | undefined;
  /** The header in which the target looked for a key that is not there. */
  readonly lookedIn?: string;
}

/** What the targets of one run remember of keys: from when a call arrives, for as long as they or the chain say. */
export function createKeys(fakes: Fakes, chain: ChainDefinition, now: () => number) {
  const known = new Map<string, Known>();
  return (target: string, request: HttpRequest, attempt: Attempt): Read => {
    const own = idempotencyOf(fakes, target);
    // A lookup has no key of its own: its target acts on nothing.
    if (own === 'none' || attempt.action === 'lookup') return { key: undefined, memory: undefined };
    const header = own?.header?.toLowerCase();
    const key = header === undefined ? keySent(request) : (request.headers[header] ?? undefined);
    if (key === undefined) {
      return { key, memory: undefined, ...(own?.header === undefined ? {} : { lookedIn: own.header }) };
    }
    const step = findStep(chain, attempt.step);
    const { keyLifetime = LIMITS.keyLifetime } = (attempt.action === undefined ? step : step?.undo) ?? {};
    const lifetime = own?.lifetime ?? keyLifetime;
    const place = `${request.method} ${request.url} ${key}`;
    const before = known.get(place);
    const isKnown = before !== undefined && now() - before.since <= lifetime * 1_000;
    const memory: Known = isKnown ? before : { since: now() };
    known.set(place, memory);
    return { key, memory };
  };
}

/** The key as the chain sends it, in whatever header; undefined where it sends none. */
export function keySent({ headers }: HttpRequest): string | undefined {
  const { [CALL_HEADERS.callId]: id = '', ...others } = headers;
  const sent = Object.values(others);
  // One after the other: most keys are sent as they are, and the others are hashes.
  for (const format of KEY_FORMATS) {
    const written = writtenKey(id, format);
    if (sent.includes(written)) return written;
  }
  return undefined;
}
