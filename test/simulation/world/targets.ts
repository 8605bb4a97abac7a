import type { HttpOutcome, HttpRequest } from '../../../lib/engine/ports.ts';
import type { Chaos, Reply, TargetFault } from '../../../lib/testing/faults/chaos.ts';
import { outcomeOf } from '../../../lib/testing/faults/outcome.ts';
import type { Time } from '../../../lib/testing/world/time.ts';
import type { Oracle } from '../oracle/oracle.ts';

/** What a target answers to the first call under a key, from the call's body. */
export type Answer = (target: string, idempotencyKey: string, body: unknown, at: number) => unknown;

/** Targets that honour the idempotency key: they act once for each, and answer the same again, until they forget it. */
export interface SimulatedTargets {
  /** @param key the one that the request has, or that its attempt has where the target takes none */
  call(request: HttpRequest, key: string, deadlineMs: number): Promise<HttpOutcome>;
  /** A step's own code that calls something: it throws what a client would throw. */
  run(idempotencyKey: string, timeoutMs: number): Promise<unknown>;
}

interface Options {
  readonly time: Time;
  readonly chaos: Chaos;
  readonly oracle: Oracle;
  readonly answer: Answer;
  /** How long the target of a step remembers a key, in seconds; 0 where it takes none. */
  readonly lifetimeOf: (step: string) => number;
}

/** A call of a target. `fresh`: its connection is none that may break because it was kept. */
interface Asked {
  readonly target: string;
  readonly key: string;
  readonly body: unknown;
  readonly fresh: boolean;
}

/** A request on a connection of its own is sent once: who refuses it has not acted. */
function withoutRepeat({ reply, takes, ...fault }: TargetFault): TargetFault {
  return reply.kind === 'status' && reply.repeated
    ? { reply: { kind: 'status', status: reply.status }, takes }
    : { ...fault, reply, takes };
}

export function createTargets({ time, chaos, oracle, answer, lifetimeOf }: Options): SimulatedTargets {
  const answered = new Map<string, unknown>();
  /** When a call came first under each key that is remembered. */
  const remembered = new Map<string, number>();
  /** What it was sent last under each of them. */
  const bodies = new Map<string, string>();
  const takesNone = (key: string): boolean => lifetimeOf(key.split(':')[1] ?? '') === 0;
  const remember = (key: string, now: number): void => {
    const [, step = ''] = key.split(':');
    const first = remembered.get(key);
    if (first !== undefined && now - first <= lifetimeOf(step) * 1_000) return;
    answered.delete(key);
    bodies.delete(key);
    remembered.set(key, now);
  };
  /** A target refuses another request under a key that it knows, or takes it for the first. */
  const compare = (key: string, body: unknown): void => {
    const sent = JSON.stringify(body) ?? '';
    const before = bodies.get(key);
    if (before !== undefined && before !== sent) oracle.sentAnother(key, before, sent);
    bodies.set(key, sent);
  };
  const act = (target: string, key: string, body: unknown, calledAt: number): unknown => {
    const known = answered.get(key);
    if (known !== undefined && !takesNone(key)) return known;
    const result = answer(target, key, body, time.now());
    answered.set(key, result);
    oracle.acted(key, result, calledAt);
    return result;
  };
  /** Resolves with what the caller gets; undefined if its deadline comes first. */
  const called = (
    { target, key, body, fresh }: Asked,
    deadlineMs: number,
  ): Promise<{ readonly reply: Reply; readonly result: unknown } | undefined> => {
    const calledAt = time.now();
    const planned = chaos.target(target, deadlineMs);
    const fault = fresh ? withoutRepeat(planned) : planned;
    // A call that never arrives, and one that is refused before anything looks at it, leave nothing to remember.
    if (fault.effect !== undefined) remember(key, calledAt);
    if (!takesNone(key) && fault.reply.kind !== 'unreachable') compare(key, body);
    let result: unknown;
    if (fault.effect !== undefined) {
      time.after(fault.effect, () => {
        result = act(target, key, body, calledAt);
      });
    }
    return new Promise((resolve) => {
      const late = fault.reply.kind === 'never' || fault.takes >= deadlineMs;
      // Acting comes first, then the answer: both may be planned for the same moment.
      if (late) time.after(deadlineMs, () => resolve(undefined));
      else time.after(fault.takes + 1, () => resolve({ reply: fault.reply, result }));
    });
  };

  return {
    call: async ({ url, body, fresh = false }, key, deadlineMs) => {
      const target = new URL(url).hostname;
      const sent: unknown = body === undefined ? undefined : JSON.parse(body);
      const end = await called({ target, key, body: sent, fresh }, deadlineMs);
      return end === undefined
        ? { kind: 'failure', code: 'DEADLINE_EXCEEDED', sent: 'unknown', message: 'no reply in time' }
        : outcomeOf(
            end.reply,
            () => ({ kind: 'reply', status: 200, body: JSON.stringify(end.result) }),
            body ?? '',
          );
    },
    run: async (key, timeoutMs) => {
      const ended = oracle.called(key);
      const end = await called({ target: 'code', key, body: undefined, fresh: true }, 3 * timeoutMs);
      if (end === undefined) return await new Promise<never>(() => undefined);
      ended(end.reply.kind === 'good' ? { kind: 'ran', result: end.result } : { kind: 'threw' });
      if (end.reply.kind === 'good') return end.result;
      throw new Error(`the code failed: ${end.reply.kind}`);
    },
  };
}
