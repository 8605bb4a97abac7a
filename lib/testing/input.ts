import type { ChainDefinition } from '../chain/definition.ts';
import { ProblemError } from '../engine/problems.ts';

/** The body of the start: what the test gives, or one that the chain's input takes. Errors: an `Error` where none can be made. */
export async function inputFor(chain: ChainDefinition, given: unknown): Promise<unknown> {
  // As it would arrive.
  if (given !== undefined) return JSON.parse(JSON.stringify(given));
  // Loaded for those who need it: it knows how to make values of any schema.
  const { makeValue } = await import('../local/demo/made.ts');
  const made = await makeValue(chain.input, chain.name);
  if (made.made) return made.value;
  throw new Error(
    `no input was given, and none that ${chain.name} takes can be made: ${made.problem}. Write input: { … }`,
  );
}

/** A refusal of the API whose message holds all that the answer would. */
export function withFields(error: unknown): unknown {
  if (!(error instanceof ProblemError) || error.errors.length === 0) return error;
  const fields = error.errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new ProblemError(error.code, `${error.message}: ${fields}`, error.errors);
}
