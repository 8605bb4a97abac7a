import type { StepDefinition } from '../../chain/definition.ts';
import { excerpt } from '../mask.ts';
import { runFailure } from '../reply/run-failure.ts';
import { parseWith } from '../result.ts';
import { namedIn } from '../sensitive/reply.ts';
import { fitting, jsonOf } from './judge.ts';
import { createCalling } from './named.ts';
import { type Call, type CallPorts, type CallResult, failed, type Secrets } from './types.ts';
import { within } from './within.ts';

/** Runs the code of a `run` step. Never throws; ends by the deadline, and from then on the code sends nothing any more. */
export async function run(ports: CallPorts, attempt: Call): Promise<CallResult> {
  const { context, deadlineMs, idempotencyKey, step } = attempt;
  const begun = ports.clock.now();
  const abort = new AbortController();
  const { signal } = abort;
  const calling = createCalling(ports, attempt, signal, () =>
    Math.max(0, deadlineMs - (ports.clock.now() - begun)),
  );
  const { call, secret } = calling;
  const secrets = (): readonly string[] => [...attempt.secrets(), ...calling.secrets()];
  const ending = await within(ports.clock, deadlineMs, async () =>
    ranTo(step, await step.run?.({ ...context, idempotencyKey, signal, call, secret }), secrets),
  );
  calling.end();
  if (ending === 'deadline') {
    abort.abort(new Error('the step’s deadline has passed'));
    return failed({
      code: 'DEADLINE_EXCEEDED',
      message: `run did not end within ${Math.round(deadlineMs)} ms`,
      retriable: true,
      acted: 'unknown',
    });
  }
  if (ending.ok) return ending.value;
  const failure = calling.failureOf(ending.error);
  return failed(failure ?? runFailure(ending.error, secrets(), calling.mayHaveActed()));
}

async function ranTo(
  { response: schema, sensitive }: StepDefinition,
  value: unknown,
  secrets: Secrets,
): Promise<CallResult> {
  const invalid = (problem: string, hidden = secrets()): CallResult =>
    failed({ code: 'REPLY_INVALID', message: excerpt(problem, hidden), retriable: false, acted: 'unknown' });
  const said = jsonOf(value, 'the result of run');
  if (!said.ok) return invalid(said.problem);
  const { result: json } = said;
  if (schema === undefined) return fitting(json);
  const parsed = await parseWith(schema, json, 'the result of run');
  if (parsed.ok) return fitting(parsed.result);
  return invalid(parsed.problem, [...secrets(), ...namedIn(json, sensitive)]);
}
