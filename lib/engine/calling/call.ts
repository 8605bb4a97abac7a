import type { Failure } from '../outcome.ts';
import type { HttpOutcome } from '../ports.ts';
import type { BuiltRequest } from '../request/build.ts';
import { type Ending, judge } from './judge.ts';
import { run } from './run.ts';
import { send } from './send.ts';
import { type Call, type CallPorts, type CallResult, type Failed, failed } from './types.ts';
import { soon } from './within.ts';

/** Makes the call of one attempt. Never throws; ends by the deadline, whatever the target or the code does. */
export function perform(ports: CallPorts, call: Call): Promise<CallResult> {
  const { built } = call;
  if (built === undefined) return run(ports, call);
  return 'failure' in built ? Promise.resolve(failed(built.failure)) : request(ports, call, built, judge);
}

/** Sends what was built, and has its end judged. Never throws; ends by the deadline. */
export async function request<Judged extends { readonly ok: true }>(
  ports: CallPorts,
  call: Call,
  built: BuiltRequest,
  judging: (ending: Ending) => Judged | Failed | Promise<Judged | Failed>,
): Promise<Judged | Failed> {
  const begun = ports.clock.now();
  const leftMs = (): number => Math.max(0, call.deadlineMs - (ports.clock.now() - begun));
  const { target } = built.spec;
  const sent = await send(ports, call, built, leftMs);
  if ('failure' in sent) return failed(sent.failure);
  const { outcome, secrets } = sent;
  // A refinement of the schema may wait for something, too.
  const { step } = call;
  const ended = soon(ports.clock, leftMs(), () => judging({ step, outcome, target, secrets }));
  const judged = ended instanceof Promise ? await ended : ended;
  return judged !== 'deadline' && judged.ok ? judged.value : failed(checkLate(target, outcome, call));
}

const checkLate = (target: string, { status }: HttpOutcome, { deadlineMs }: Call): Failure => ({
  code: 'DEADLINE_EXCEEDED',
  message: `the reply was not checked within ${Math.round(deadlineMs)} ms`,
  retriable: true,
  acted: 'unknown',
  target,
  ...(status === undefined ? {} : { httpStatus: status }),
});
