import { Answer } from '../../../../lib/chain/request/answer.ts';
import type { HttpOutcome } from '../../../../lib/engine/ports.ts';
import type { StepRecord } from '../../../../lib/engine/state.ts';
import type { Ended } from '../ending.ts';
import { verdictsOf } from '../outcomes.ts';
import {
  against,
  callOf,
  harmful,
  keyOfCall,
  type Problem,
  type Shadow,
  stepOf,
  type Times,
} from '../shadow.ts';

/** What is to be made of a reply: the answer that it is; one that cannot be used; or nothing, as its status says it all. */
type Heard = { readonly answer: Answer } | 'nonsense' | 'nothing';

/** What a lookup's own function makes of a reply of which it is asked. */
function heardOf(shadow: Shadow, { step }: StepRecord, ended: Ended | undefined): Heard {
  if (ended?.kind !== 'reply' || !isRead(ended)) return 'nothing';
  const { lookup, response } = stepOf(shadow, step);
  try {
    const { status, headers = {}, body } = ended;
    const said = lookup?.reply({ status, headers, body: bodyOf(body) });
    if (!(said instanceof Answer)) return 'nonsense';
    const fits = said.is !== 'done' || response === undefined || response.safeParse(said.result).success;
    return fits ? { answer: said } : 'nonsense';
  } catch {
    return 'nonsense';
  }
}

const isRead = ({ status }: Extract<HttpOutcome, { kind: 'reply' }>): boolean =>
  (status >= 200 && status < 300) || status === 404 || status === 410;

function bodyOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** What is wrong with what is written of a lookup that has ended. */
export function outcomeProblems(
  shadow: Shadow,
  running: StepRecord,
  record: StepRecord,
  times: Times,
  write: string,
): Problem[] {
  const { now, skewMs } = times;
  const problems: Problem[] = [];
  const refuse = (why: string): number => problems.push(against(`${write}: ${why}`));
  const { retries = 0 } = stepOf(shadow, record.step).lookup ?? {};
  if (record.epoch !== running.epoch || record.round !== running.round || record.before !== running.before)
    refuse('as another lookup');
  if (record.updatedAt > now) refuse('from the future');
  const ended = shadow.endings.get(running.token);
  if (record.error?.code === 'WORKER_DIED') {
    if ((running.leaseUntil ?? Infinity) > now) refuse('for a worker that may live');
    if (record.status !== 'failed' || record.attempt <= retries)
      problems.push(harmful(`${write} for a dead worker, at attempt ${record.attempt} of ${retries + 1}`));
    return problems;
  }
  const heard = heardOf(shadow, record, ended);
  const is = inWords(record);
  if (heard !== 'nothing' && heard !== 'nonsense') {
    const { answer } = heard;
    if (answer.is !== 'notDone' || record.status === 'completed') {
      if (is !== `completed ${answer.is}`) problems.push(harmful(`${write}: ${is} after ${answer.is}`));
      if (answer.is === 'notDone') problems.push(...tooEarly(shadow, running, times, write));
      return problems;
    }
    // Asked too early: it is asked again once no call can act any more.
    if (record.status !== 'retrying') problems.push(harmful(`${write}: ${is} after notDone`));
    if (record.attempt !== running.attempt - 1) refuse('an attempt is used up');
    const latest = latestMoment(shadow, running) + skewMs;
    if ((shadow.asked.get(running.token)?.at ?? 0) > latest)
      problems.push(harmful(`${write}: it was asked late enough`));
    if ((record.nextAttemptAt ?? Infinity) > latest)
      problems.push(harmful(`${write}: it waits longer than a call can act`));
    return problems;
  }
  const verdicts =
    heard === 'nonsense'
      ? [{ is: 'final', code: 'REPLY_INVALID' } as const]
      : verdictsOf(callOf(shadow, record), ended, record.updatedAt - skewMs);
  const wanted = verdicts.map((verdict) => {
    if (verdict.is === 'done') return 'nothing';
    const again = verdict.is === 'may pass' && running.attempt <= retries;
    return `${again ? 'retrying' : 'failed'} ${verdict.code}`;
  });
  if (!wanted.includes(is))
    problems.push(
      harmful(`${write}: ${is} after ${JSON.stringify(ended) ?? 'no reply'}, not ${wanted.join(' or ')}`),
    );
  if (record.attempt !== running.attempt) refuse('as another attempt');
  if (record.status === 'retrying' && record.nextAttemptAt === undefined) refuse('without saying when');
  return problems;
}

const inWords = ({ status, answer, error }: StepRecord): string =>
  [status, status === 'completed' ? answer : error?.code].filter((word) => word !== undefined).join(' ');

/** Until when a call under the key that was asked for may act, in milliseconds since 1970. */
function lastMoment(shadow: Shadow, { step, round }: StepRecord): number {
  const deadline = shadow.deadlines.get(keyOfCall(shadow, { step, round })) ?? 0;
  return deadline + stepOf(shadow, step).lateBy * 1_000;
}

/** The same as far as those know it who have seen the step alone: nobody called it any more when it was written last. */
function latestMoment(shadow: Shadow, { step }: StepRecord): number {
  const { timeout, lateBy } = stepOf(shadow, step);
  return (shadow.steps.get(step)?.updatedAt ?? 0) + (timeout + lateBy) * 1_000;
}

const tooEarly = (shadow: Shadow, running: StepRecord, { skewMs }: Times, write: string): Problem[] =>
  (shadow.asked.get(running.token)?.at ?? 0) < lastMoment(shadow, running) - skewMs
    ? [harmful(`${write}: its target was asked while a call could still act`)]
    : [];
