import type { ChainDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { KEY_FORMATS, writtenKey } from '../chain/request/key.ts';
import { LIMITS } from '../contract/limits.ts';
import { REPLY_HEADERS } from '../contract/names.ts';
import type { HttpOutcome, HttpRequest } from '../engine/ports.ts';
import { iso } from '../engine/state.ts';
import { type EffectsOfRun, effectOf } from './effects.ts';
import { type Answer, type Said, textOf } from './fakes/answer.ts';
import { type Attempt, type FakeCall, fakeCallOf } from './fakes/call.ts';
import { type Fakes, findFake, idempotencyOf, routesIn } from './fakes/fakes.ts';
import { missingFake } from './fakes/missing.ts';
import type { Chaos } from './faults/chaos.ts';
import { outcomeOf } from './faults/outcome.ts';
import type { Time } from './world/time.ts';

/** A call that was made, as a test sees it afterwards. */
export interface TestCall extends Omit<FakeCall, 'params' | 'fields'> {
  readonly target: string;
  /** When it was made, in virtual time. */
  readonly at: string;
}

interface Options {
  readonly time: Time;
  readonly chaos: Pick<Chaos, 'target'>;
  readonly chain: ChainDefinition;
  readonly fakes: Fakes;
  readonly effects: EffectsOfRun;
  readonly trace: (line: () => string) => void;
  /** Ends the run with an error. */
  readonly fail: (error: unknown) => void;
}

/** The fake targets of one run. They act once under a key, and answer it the same again, until they forget it. */
export interface TestTargets {
  readonly calls: readonly TestCall[];
  /** What a step's target answered when it acted. */
  answered(step: string): Answer | undefined;
  call(request: HttpRequest, deadlineMs: number, attempt: Attempt): Promise<HttpOutcome>;
}

/** What a target knows of a key. */
interface Known {
  /** When it came first. */
  readonly since: number;
  hasActed?: true;
  answer?: Answer;
}

export function createTestTargets(options: Options): TestTargets {
  const { time, chaos, chain, effects, fail, fakes, trace } = options;
  const calls: TestCall[] = [];
  const known = new Map<string, Known>();
  const answers = new Map<string, Answer>();
  const nothing = (): Promise<never> => new Promise(() => undefined);

  /** What a target remembers of a key, from when the call arrives. */
  const remembered = (target: string, request: HttpRequest, { step, idempotencyKey }: Attempt) => {
    const reads = keyUseOf(fakes, target, request, idempotencyKey);
    if (reads === undefined) return { key: undefined, memory: undefined };
    const place = `${request.method} ${request.url} ${reads.key}`;
    const lifetime = reads.lifetime ?? findStep(chain, step)?.keyLifetime ?? LIMITS.keyLifetime;
    const before = known.get(place);
    const memory: Known =
      before !== undefined && time.now() - before.since <= lifetime * 1_000 ? before : { since: time.now() };
    known.set(place, memory);
    return { key: reads.key, memory };
  };
  const call: TestTargets['call'] = (request, deadlineMs, attempt) => {
    const target = targetOf(request);
    const { key, memory } = remembered(target, request, attempt);
    const seen = fakeCallOf(request, attempt, keySent(request, attempt.idempotencyKey));
    const { params: _, fields: __, ...shown } = seen;
    calls.push({ ...shown, target, at: iso(time.now()) });
    const fake = findFake(fakes, target, seen);
    if (fake === undefined) {
      const routes = routesIn(fakes[target]);
      const missing = missingFake(target, seen, findStep(chain, attempt.step), routes && Object.keys(routes));
      void time.during(missing.then(fail));
      return nothing();
    }
    const act = async (): Promise<Said> => {
      if (memory?.answer !== undefined) return memory.answer;
      const said = await fake();
      // What is no JSON is a mistake of the fake, and not of the chain.
      if (said.kind === 'answer') textOf(said);
      if (!hasActed(said, seen)) return said;
      // Who knows the key has done it already.
      const isAgain = memory?.hasActed === true;
      if (memory !== undefined) memory.hasActed = true;
      const how = `${seen.method} ${seen.path} of "${target}"${unread(fakes, target, key)}`;
      trace(() => `${how} is done, ${key === undefined ? 'without a key' : `under ${key}`}`);
      if (!isAgain) effects.acted(effectOf(attempt.step), { key, how });
      if (said.kind === 'answer') {
        if (memory !== undefined) memory.answer = said;
        answers.set(attempt.step, said);
      }
      return said;
    };
    const fault = chaos.target(target, deadlineMs);
    let acting: Promise<Said> | undefined;
    if (fault.effect !== undefined) {
      time.after(fault.effect, () => {
        acting = time.during(act());
        acting.catch(fail);
      });
    }
    return new Promise((resolve) => {
      const late = (): void => resolve(inVain('DEADLINE_EXCEEDED', 'unknown', 'no reply in time'));
      if (fault.reply.kind === 'never' || fault.takes >= deadlineMs) {
        time.after(deadlineMs, late);
        return;
      }
      const good = async (): Promise<void> => {
        // What failed has ended the run.
        const said = await acting?.catch(() => undefined);
        if (said === undefined) return;
        if (said.kind === 'noAnswer') time.after(deadlineMs - fault.takes - 1, late);
        else resolve(replyOf(said, request));
      };
      // Acting comes first, then the answer: both may be planned for the same moment.
      time.after(fault.takes + 1, () => {
        if (fault.reply.kind === 'good') void good();
        else resolve(outcomeOf(fault.reply, unexpected, request.body ?? ''));
      });
    });
  };
  return { calls, answered: (step) => answers.get(step), call };
}

const unexpected = (): never => {
  throw new Error('a fault has no good reply');
};

/** Its name stands where that of a host does, with its capitals. */
const targetOf = ({ url }: HttpRequest): string => url.split('/')[2] ?? '';

/** The key as the chain sends it: whatever header that is in. */
function keySent({ headers }: HttpRequest, idempotencyKey: string): string | undefined {
  const sent = Object.values(headers);
  // One after the other: most keys are sent as they are, and the others are hashes.
  for (const format of KEY_FORMATS) {
    const written = writtenKey(idempotencyKey, format);
    if (sent.includes(written)) return written;
  }
  return undefined;
}

/** The key as the target reads it, and for how many seconds it remembers it, where that is told; undefined for none. */
function keyUseOf(
  fakes: Fakes,
  target: string,
  request: HttpRequest,
  idempotencyKey: string,
): { readonly key: string; readonly lifetime?: number | undefined } | undefined {
  const own = idempotencyOf(fakes, target);
  if (own === 'none') return undefined;
  const key =
    own?.header === undefined ? keySent(request, idempotencyKey) : request.headers[own.header.toLowerCase()];
  return key === undefined ? undefined : { key, lifetime: own?.lifetime };
}

/** Says where a target looked for a key that is not there. */
function unread(fakes: Fakes, target: string, key: string | undefined): string {
  const own = idempotencyOf(fakes, target);
  if (key !== undefined || own === undefined || own === 'none' || own.header === undefined) return '';
  return ` (which reads its key from the header "${own.header}")`;
}

/** A GET changes nothing (RFC 9110, 9.2.1). */
const hasActed = (said: Said, { method }: FakeCall): boolean =>
  method !== 'GET' && (said.kind === 'broken' || (said.kind === 'answer' && said.status < 300));

const inVain = (
  code: 'DEADLINE_EXCEEDED' | 'CONNECTION_FAILED' | 'CONNECTION_BROKEN',
  sent: 'no' | 'unknown',
  message: string,
): HttpOutcome => ({ kind: 'failure', code, sent, message });

function replyOf(said: Exclude<Said, { kind: 'noAnswer' }>, { allHeaders }: HttpRequest): HttpOutcome {
  if (said.kind === 'unreachable') return inVain('CONNECTION_FAILED', 'no', 'connection refused');
  if (said.kind !== 'answer') return inVain('CONNECTION_BROKEN', 'unknown', 'connection reset');
  const { status } = said;
  const body = textOf(said);
  const read: readonly string[] = allHeaders === true ? Object.keys(said.headers) : REPLY_HEADERS;
  const headers = Object.fromEntries(
    Object.entries(said.headers).filter(([name]) => read.includes(name) && name !== 'set-cookie'),
  );
  if (Buffer.byteLength(body) > LIMITS.replyBytes) {
    const message = `the reply is larger than ${LIMITS.replyBytes} bytes`;
    return { kind: 'failure', code: 'REPLY_TOO_LARGE', sent: 'unknown', message, status };
  }
  return { kind: 'reply', status, body, ...(Object.keys(headers).length === 0 ? {} : { headers }) };
}
