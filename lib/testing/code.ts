import type { ChainDefinition, RunContext, StepDefinition, UndoDefinition } from '../chain/definition.ts';
import type { Acting } from './effects.ts';
import type { CodeFault, PlannedChaos } from './faults/planned.ts';
import type { Time } from './world/time.ts';

/** A test may have replaced the timers of its process by the time they are needed. */
const [realTimeout, stopTimeout] = [setTimeout, clearTimeout];

interface Options {
  readonly time: Time;
  readonly chaos: Pick<PlannedChaos, 'code'>;
  /** Told of each value that the code of a step, or of its undo, returned. */
  readonly returned: (of: Acting, value: unknown) => void;
}

/**
 * The same chain, whose `run` steps and undos keep virtual time standing while their code runs, and meet the faults that are planned for
 * it.
 */
export function withCode(chain: ChainDefinition, options: Options): ChainDefinition {
  const held = <Call extends StepDefinition | UndoDefinition>(call: Call, of: Code['of']): Call =>
    call.run === undefined
      ? call
      : { ...call, run: (context: RunContext) => run({ ...call, of }, context, options) };
  const steps = chain.steps.map((step) => ({
    ...held(step, { step: step.name }),
    undo: step.undo && held(step.undo, { step: step.name, action: 'undo' }),
  }));
  return { ...chain, steps };
}

/** The code of a step, or of its undo. */
interface Code extends Pick<StepDefinition, 'run' | 'timeout'> {
  readonly of: Acting;
}

async function run(code: Code, context: RunContext, { time, chaos, returned }: Options): Promise<unknown> {
  const fault: CodeFault | undefined = chaos.code(code.of.step);
  if (fault?.acts === false) throw new Error('a planned fault: the code threw before it had done anything');
  const hold = holdOf(time);
  // Code has as many real seconds as its step's timeout says: then virtual time goes on, and its deadline comes.
  const patience = realTimeout(hold.end, code.timeout * 1_000);
  let value: unknown;
  try {
    value = await code.run?.({ ...context, ...released(context, hold) });
  } finally {
    stopTimeout(patience);
    hold.end();
  }
  returned(code.of, value);
  if (fault === undefined) return value;
  if (fault.ends === 'never') return await new Promise<never>(() => undefined);
  throw new Error('a planned fault: the code threw when it had done all');
}

/** Keeps virtual time standing, but while something is waited for that takes virtual time. */
interface Hold {
  pause(): void;
  resume(): void;
  end(): void;
}

function holdOf(time: Time): Hold {
  let waiting = 0;
  let ended = false;
  let release = (): void => undefined;
  const begin = (): void => {
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    void time.during(held);
  };
  begin();
  return {
    pause: () => {
      waiting += 1;
      release();
    },
    resume: () => {
      waiting -= 1;
      if (waiting === 0 && !ended) begin();
    },
    end: () => {
      ended = true;
      release();
    },
  };
}

/** What the engine gives the code to call takes virtual time, which must not stand still for it. */
function released({ call, secret }: RunContext, hold: Hold): Pick<RunContext, 'call' | 'secret'> {
  const during = async <Value>(work: Promise<Value>): Promise<Value> => {
    hold.pause();
    try {
      return await work;
    } finally {
      hold.resume();
    }
  };
  /** A call that fails when nobody waits for it must not end the process. */
  const unwatched = <Value>(work: Promise<Value>): Promise<Value> => {
    const waited = during(work);
    waited.catch(() => undefined);
    return waited;
  };
  return {
    secret: (name) => unwatched(secret(name)),
    call: (name, target) => {
      const { get, post, put, patch, delete: remove } = call(name, target);
      return {
        get: (...of) => unwatched(get(...of)),
        post: (path, body, options) => unwatched(post(path, body, options)),
        put: (path, body, options) => unwatched(put(path, body, options)),
        patch: (path, body, options) => unwatched(patch(path, body, options)),
        delete: (...of) => unwatched(remove(...of)),
      };
    },
  };
}
