import type { ChainDefinition, RunContext, StepDefinition } from '../chain/definition.ts';
import type { CodeFault, PlannedChaos } from './faults/planned.ts';
import type { Time } from './world/time.ts';

interface Options {
  readonly time: Time;
  readonly chaos: Pick<PlannedChaos, 'code'>;
  /** Told of each value that the code of a step returned. */
  readonly returned: (step: string, value: unknown) => void;
}

/** The same chain, whose `run` steps keep virtual time standing while their code runs, and meet the faults that are planned for it. */
export function withCode(chain: ChainDefinition, options: Options): ChainDefinition {
  const steps = chain.steps.map((step) =>
    step.run === undefined ? step : { ...step, run: (context: RunContext) => run(step, context, options) },
  );
  return { ...chain, steps };
}

async function run(
  step: StepDefinition,
  context: RunContext,
  { time, chaos, returned }: Options,
): Promise<unknown> {
  const fault: CodeFault | undefined = chaos.code(step.name);
  if (fault?.acts === false) throw new Error('a planned fault: the code threw before it had done anything');
  const work = (async () => await step.run?.(context))();
  void time.during(patiently(work, step.timeout * 1_000));
  const value = await work;
  returned(step.name, value);
  if (fault === undefined) return value;
  if (fault.ends === 'never') return await new Promise<never>(() => undefined);
  throw new Error('a planned fault: the code threw when it had done all');
}

/** Code has as many real seconds as its step's timeout says: then virtual time goes on, and its deadline comes. */
function patiently(work: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const ended = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(ended, ended);
  });
}
