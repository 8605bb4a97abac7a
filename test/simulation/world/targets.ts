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
  run(idempotencyKey: string, timeoutMs: number, signal: AbortSignal, undoneKey?: string): Promise<unknown>;
  /** What was done under each key, with what was answered. Nobody forgets it. */
  readonly books: ReadonlyMap<string, unknown>;
}

interface Options {
  readonly time: Time;
  readonly chaos: Chaos;
  readonly oracle: Oracle;
  readonly answer: Answer;
  /** How long the target of a step remembers a key, in seconds; 0 where it takes none. */
  readonly lifetimeOf: (key: string) => number;
  /** How long after the deadline of a call under a key its target may still act, in seconds; undefined where nobody has said so. */
  readonly lateByOf: (key: string) => number | undefined;
  /** Whether it is known that the step of a key is done. */
  readonly isDone: (key: string) => boolean;
  /** Whether the target of an undo says 404 where it finds nothing to undo. */
  readonly says404: (target: string) => boolean;
}

/** A call of a target. `fresh`: its connection is none that may break because it was kept. */
interface Asked {
  readonly target: string;
  readonly key: string;
  readonly body: unknown;
  readonly fresh: boolean;
  /** Of an undo: the key whose effect it takes back. */
  readonly undoneKey: string | undefined;
  /** Whether it is too late to act, even late. */
  readonly isOver?: () => boolean;
}

const isUndo = (key: string): boolean => key.split(':')[2] === 'undo';

/** What a call of an undo says of what it undoes, wherever in the request its chain puts that. */
const undoneBy = (url: string, body: string | undefined): string | undefined =>
  /wf_[0-9a-f]{32}:[\w-]+:do:\d+/.exec(`${decodeURIComponent(url)} ${body ?? ''}`)?.[0];

/** What the target of an undo says where nothing stands. */
const NOTHING_THERE = { error: 'there is no such thing' };

/** A request on a connection of its own is sent once: who refuses it has not acted. */
function withoutRepeat({ reply, takes, ...fault }: TargetFault): TargetFault {
  return reply.kind === 'status' && reply.repeated
    ? { reply: { kind: 'status', status: reply.status }, takes }
    : { ...fault, reply, takes };
}

export function createTargets(options: Options): SimulatedTargets {
  const { time, chaos, oracle, answer, lifetimeOf, lateByOf, isDone, says404 } = options;
  const answered = new Map<string, unknown>();
  /** When a call came first under each key that is remembered. */
  const remembered = new Map<string, number>();
  /** What it was sent last under each of them. */
  const bodies = new Map<string, string>();
  /** What was done and stands, by its key. */
  const standing = new Set<string>();
  const books = new Map<string, unknown>();
  const takesNone = (key: string): boolean => lifetimeOf(key) === 0;
  const remember = (key: string, now: number): void => {
    const first = remembered.get(key);
    if (first !== undefined && now - first <= lifetimeOf(key) * 1_000) return;
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
  const act = ({ target, key, body, undoneKey }: Asked, calledAt: number): unknown => {
    const known = answered.get(key);
    if (known !== undefined && !takesNone(key)) return known;
    if (isUndo(key)) {
      const found = standing.delete(undoneKey ?? '');
      if (!found && says404(target)) return NOTHING_THERE;
      const done = { ok: key };
      answered.set(key, done);
      oracle.undid(key, undoneKey ?? 'nothing', calledAt);
      return done;
    }
    const result = answer(target, key, body, time.now());
    answered.set(key, result);
    standing.add(key);
    books.set(key, result);
    oracle.acted(key, result, calledAt);
    return result;
  };
  /** It acts late, but not later than it says; and where nobody knows, it says that there is nothing only where there is nothing. */
  const withinLimits = (
    planned: TargetFault,
    { key, undoneKey = '' }: Asked,
    deadlineMs: number,
  ): TargetFault => {
    const { reply, takes } = planned;
    const lateBy = lateByOf(key);
    const honest =
      isUndo(key) &&
      reply.kind === 'status' &&
      [404, 410].includes(reply.status) &&
      !isDone(key) &&
      standing.has(undoneKey)
        ? { ...reply, status: 422 }
        : reply;
    // Who undoes has no schema for replies: a target that answers 2xx has acted, whatever it says.
    const effect = isUndo(key) && reply.kind === 'invalid' ? (planned.effect ?? 0) : planned.effect;
    const acts =
      effect === undefined || lateBy === undefined ? effect : Math.min(effect, deadlineMs + lateBy * 1_000);
    return { ...(acts === undefined ? {} : { effect: acts }), reply: honest, takes };
  };
  /** Resolves with what the caller gets; undefined if its deadline comes first. */
  const called = (
    asked: Asked,
    deadlineMs: number,
    /** Whoever is called gives up by then: code may go on when its caller has given it up. */
    endMs = deadlineMs,
  ): Promise<{ readonly reply: Reply; readonly result: unknown } | undefined> => {
    const { target, key, body, fresh } = asked;
    const calledAt = time.now();
    const planned = withinLimits(chaos.target(target, deadlineMs), asked, endMs);
    const fault = fresh ? withoutRepeat(planned) : planned;
    // A call that never arrives, and one that is refused before anything looks at it, leave nothing to remember.
    if (fault.effect !== undefined) remember(key, calledAt);
    if (!takesNone(key) && fault.reply.kind !== 'unreachable') compare(key, body);
    let result: unknown;
    if (fault.effect !== undefined) {
      time.after(fault.effect, () => {
        if (asked.isOver?.() !== true) result = act(asked, calledAt);
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
    books,
    call: async ({ url, body, fresh = false }, key, deadlineMs) => {
      const target = new URL(url).hostname;
      const sent: unknown = body === undefined ? undefined : JSON.parse(body);
      const end = await called(
        { target, key, body: sent, fresh, undoneKey: isUndo(key) ? undoneBy(url, body) : undefined },
        deadlineMs,
      );
      return end === undefined
        ? { kind: 'failure', code: 'DEADLINE_EXCEEDED', sent: 'unknown', message: 'no reply in time' }
        : outcomeOf(
            end.reply,
            () => ({
              kind: 'reply',
              status: end.result === NOTHING_THERE ? 404 : 200,
              body: JSON.stringify(end.result),
            }),
            body ?? '',
          );
    },
    run: async (key, timeoutMs, signal, undoneKey) => {
      const ended = oracle.called(key, timeoutMs);
      // An attempt may have less time than its step has.
      let givenUpAt = Infinity;
      signal.addEventListener('abort', () => {
        givenUpAt = time.now();
      });
      const isOver = (): boolean => time.now() > givenUpAt + (lateByOf(key) ?? Infinity) * 1_000;
      const asked = { target: 'code', key, body: undefined, fresh: true, undoneKey, isOver };
      const end = await called(asked, 3 * timeoutMs, timeoutMs);
      if (end === undefined) return await new Promise<never>(() => undefined);
      const isGood = end.reply.kind === 'good' && end.result !== NOTHING_THERE;
      ended(isGood ? { kind: 'ran', result: end.result } : { kind: 'threw' });
      if (isGood) return end.result;
      throw new Error(`the code failed: ${end.reply.kind}`);
    },
  };
}
