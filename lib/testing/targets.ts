import type { ChainDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { KEY_FORMATS, writtenKey } from '../chain/request/key.ts';
import { CALL_HEADERS } from '../contract/names.ts';
import type { HttpOutcome, HttpRequest } from '../engine/ports.ts';
import { iso } from '../engine/state.ts';
import { type Acting, type EffectsOfRun, effectOf } from './effects.ts';
import { type Answer, type Said, textOf } from './fakes/answer.ts';
import { type Attempt, type FakeCall, fakeCallOf } from './fakes/call.ts';
import { type Fakes, findFake, routesIn } from './fakes/fakes.ts';
import { missingFake } from './fakes/missing.ts';
import type { TargetFault } from './faults/chaos.ts';
import { outcomeOf } from './faults/outcome.ts';
import type { PlannedChaos } from './faults/planned.ts';
import { createKeys, keySent, type Read } from './keys.ts';
import { replyOf, TOO_LATE } from './reply.ts';
import type { Time } from './world/time.ts';

/** A call that was made, as a test sees it afterwards. */
export interface TestCall extends Omit<FakeCall, 'params' | 'fields' | 'answered'> {
  readonly target: string;
  /** When it was made, in virtual time. */
  readonly at: string;
}

interface Options {
  readonly time: Time;
  readonly chaos: Pick<PlannedChaos, 'target' | 'lookup'>;
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
  /** What a step's target answered when it acted, or when it took that back. */
  answered(of: Acting): Answer | undefined;
  call(request: HttpRequest, deadlineMs: number, attempt: Attempt): Promise<HttpOutcome>;
}

/** A call at its target. */
interface Arrived {
  readonly target: string;
  readonly seen: FakeCall;
  readonly read: Read;
}

export function createTestTargets(options: Options): TestTargets {
  const { time, chaos, chain, fakes, fail } = options;
  const calls: TestCall[] = [];
  const answers: Answers = { byEffect: new Map(), byCall: [] };
  const readKey = createKeys(fakes, chain, time.now);
  return {
    calls,
    answered: (of) => answers.byEffect.get(effectOf(of)),
    call: (request, deadlineMs, attempt) => {
      const target = targetOf(request);
      const read = readKey(target, request, attempt);
      const seen = fakeCallOf(request, attempt, keySent(request), (key) => answerUnder(answers, target, key));
      const { params: _, fields: __, answered: ___, ...shown } = seen;
      calls.push({ ...shown, target, at: iso(time.now()) });
      const fake = findFake(fakes, target, seen);
      if (fake === undefined) {
        void time.during(missing(options, target, seen).then(fail));
        return new Promise(() => undefined);
      }
      const act = () => acting(options, answers, { target, seen, read }, fake);
      const fault = seen.action === 'lookup' ? chaos.lookup(target) : chaos.target(target, deadlineMs);
      return answeredBy(options, inTime(chain, seen, fault, deadlineMs), act, request, deadlineMs);
    },
  };
}

const SECOND = 1_000;

/** What a lookup says holds where nobody acts later than `lateBy` says: so no target does whose step has one. */
function inTime(
  chain: ChainDefinition,
  { step: name, action }: FakeCall,
  fault: TargetFault,
  deadlineMs: number,
): TargetFault {
  const step = action === undefined ? findStep(chain, name) : undefined;
  if (step?.lookup === undefined || fault.effect === undefined) return fault;
  const latest = Math.max(0, deadlineMs + (step.lateBy - 1) * SECOND);
  return { ...fault, effect: Math.min(fault.effect, latest) };
}

/** What was answered by those who acted: the last of each effect, and of each call by its id. */
interface Answers {
  readonly byEffect: Map<string, Answer>;
  readonly byCall: { readonly target: string; readonly id: string; readonly answer: Answer }[];
}

/** Of the call whose key it is, however its target wants keys written. */
const answerUnder = ({ byCall }: Answers, wanted: string, key: unknown): Answer | undefined =>
  byCall.find(({ target, id }) => target === wanted && KEY_FORMATS.some((as) => writtenKey(id, as) === key))
    ?.answer;

/** Its name stands where that of a host does, with its capitals. */
const targetOf = ({ url }: HttpRequest): string => url.split('/')[2] ?? '';

function missing({ chain, fakes }: Options, target: string, seen: FakeCall): Promise<Error> {
  const routes = routesIn(Object.hasOwn(fakes, target) ? fakes[target] : undefined);
  const step = findStep(chain, seen.step);
  const caller = seen.action === undefined ? step : step?.[seen.action];
  return missingFake(target, seen, caller, routes && Object.keys(routes));
}

/** The target does what it does, or answers again what it has answered under the key. */
async function acting(
  { effects, trace }: Options,
  answers: Answers,
  { target, seen, read: { key, memory, lookedIn } }: Arrived,
  fake: () => Said | Promise<Said>,
): Promise<Said> {
  if (memory?.answer !== undefined) return memory.answer;
  const said = await fake();
  // What is no JSON is a mistake of the fake, and not of the chain.
  if (said.kind === 'answer') textOf(said);
  const { step, call, action } = seen;
  if (action === 'lookup' || !hasActed(said, seen)) return said;
  const unread = lookedIn === undefined ? '' : ` (which reads its key from the header "${lookedIn}")`;
  const how = `${seen.method} ${seen.path} of "${target}"${unread}`;
  trace(() => `${how} is done, ${key === undefined ? 'without a key' : `under ${key}`}`);
  // Who knows the key has done it already.
  if (memory?.hasActed !== true) effects.acted(effectOf({ step, action, call }), { key, how });
  if (memory !== undefined) memory.hasActed = true;
  if (said.kind === 'answer') {
    if (memory !== undefined) memory.answer = said;
    answers.byEffect.set(effectOf({ step, action }), said);
    answers.byCall.push({ target, id: seen.headers[CALL_HEADERS.callId] ?? '', answer: said });
  }
  return said;
}

/** A GET changes nothing (RFC 9110, 9.2.1). */
const hasActed = (said: Said, { method }: FakeCall): boolean =>
  method !== 'GET' && (said.kind === 'broken' || (said.kind === 'answer' && said.status < 300));

/** What the caller gets, when it gets it: of the fake, or of the fault that is planned. */
function answeredBy(
  { time, fail }: Options,
  fault: TargetFault,
  act: () => Promise<Said>,
  request: HttpRequest,
  deadlineMs: number,
): Promise<HttpOutcome> {
  let saying: Promise<Said> | undefined;
  if (fault.effect !== undefined) {
    time.after(fault.effect, () => {
      saying = time.during(act());
      saying.catch(fail);
    });
  }
  return new Promise((resolve) => {
    const late = (): void => resolve(TOO_LATE);
    if (fault.reply.kind === 'never' || fault.takes >= deadlineMs) {
      time.after(deadlineMs, late);
      return;
    }
    const good = async (): Promise<void> => {
      // What failed has ended the run.
      const said = await saying?.catch(() => undefined);
      if (said?.kind === 'noAnswer') time.after(deadlineMs - fault.takes - 1, late);
      else if (said !== undefined) resolve(replyOf(said, request));
    };
    // Acting comes first, then the answer: both may be planned for the same moment.
    time.after(fault.takes + 1, () => {
      if (fault.reply.kind === 'good') void good();
      else resolve(outcomeOf(fault.reply, noReply, request.body ?? ''));
    });
  });
}

const noReply = (): never => {
  throw new Error('a fault has no good reply');
};
