import { inspect } from 'node:util';
import type { LookupDefinition, StepDefinition, UndoDefinition } from '../../chain/definition.ts';
import type { FakeCall } from './call.ts';

/**
 * Nothing answers a call. The message has the line to write, with a reply that the step takes where one can be made.
 * @param routes those that the target has; undefined where there is no such target
 */
export async function missingFake(
  target: string,
  call: FakeCall,
  step: Caller | undefined,
  routes: readonly string[] | undefined,
): Promise<Error> {
  const route = `${call.method} ${call.path}`;
  const has =
    routes === undefined || routes.length === 0
      ? ''
      : ` It has ${routes.map((one) => `'${one}'`).join(', ')}.`;
  const key = /^[a-z_$][\w$]*$/i.test(target) ? target : `'${target}'`;
  return new Error(
    `no fake answers ${route} of target "${target}" (${call.action === undefined ? '' : `the ${call.action} of `}step "${call.step}").${has} Write targets: { ${key}: { '${route}': () => ${await sampleOf(step)} } }`,
  );
}

/** A step, its undo, or its lookup, of whose reply nobody but itself knows what it may be. */
type Caller = StepDefinition | UndoDefinition | LookupDefinition;

async function sampleOf(step: Caller | undefined): Promise<string> {
  if (step === undefined || !('response' in step)) return 'answer(200, { … })';
  if (step.response === undefined) return step.request === undefined ? 'answer(200, { … })' : 'answer(204)';
  // Loaded for those who need it: it knows how to make values of any schema.
  const { makeValue } = await import('../../local/demo/made.ts');
  const made = await makeValue(step.response, 'reply');
  const isPlain = made.made && step.reply === undefined;
  const shown = isPlain ? inspect(made.value, { depth: null, breakLength: Infinity }) : '{ … }';
  return `answer(200, ${shown})`;
}
