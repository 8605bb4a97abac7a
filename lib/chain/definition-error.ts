/**
 * A definition that cannot work. It is thrown while the definition is built: it ends a program at its start, never a workflow.
 * The message says which chain, which step, what is wrong and what to write instead.
 * @example new DefinitionError({ chain: 'orders', step: 'payment' }, 'retries is -1', 'Write a whole number from 0 to 100.').message
 * // 'Chain "orders", step "payment": retries is -1. Write a whole number from 0 to 100.'
 */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
  readonly chain: string | undefined;
  readonly step: string | undefined;
  readonly problem: string;
  readonly remedy: string;

  constructor({ chain, step }: Place, problem: string, remedy: string) {
    super(`${describePlace({ chain, step })}${problem}. ${remedy}`);
    this.chain = chain;
    this.step = step;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** The chain and step that an error is about. */
export interface Place {
  readonly chain?: string | undefined;
  readonly step?: string | undefined;
}

function describePlace({ chain, step }: Place): string {
  const words = [
    ...(chain === undefined ? [] : [`chain "${chain}"`]),
    ...(step === undefined ? [] : [`step "${step}"`]),
  ].join(', ');
  return words === '' ? '' : `${words.charAt(0).toUpperCase()}${words.slice(1)}: `;
}

/** A value as a message shows it: short, and text in quotation marks. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'string' ? `"${value.slice(0, 100)}"` : String(value);
}
