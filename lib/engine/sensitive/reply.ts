import type { StepDefinition } from '../../chain/definition.ts';
import { exactOf } from '../json/numbers.ts';
import type { HttpOutcome } from '../ports.ts';
import { leaves } from './leaves.ts';

/**
 * What a reply holds under the names of the step's sensitive fields, at whichever level, as texts: a reply that is no result may have them
 * elsewhere.
 */
export function secretsInReply({ sensitive }: StepDefinition, outcome: HttpOutcome): readonly string[] {
  const body = outcome.kind === 'reply' ? outcome.body : outcome.excerpt;
  return sensitive.length === 0 || body === undefined ? [] : namedIn(exactOf(body)?.json, sensitive);
}

/** The texts and numbers under any of `names`. A loop: a reply may be nested as deeply as it is long. */
export function namedIn(json: unknown, names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const left = [json];
  while (left.length > 0 && names.length > 0) {
    const one = left.pop();
    if (typeof one !== 'object' || one === null) continue;
    for (const [name, member] of Object.entries(one)) {
      if (!Array.isArray(one) && names.includes(name)) leaves(member, found);
      else left.push(member);
    }
  }
  found.delete('');
  return [...found];
}

/**
 * A reply as it may be quoted: of a step whose result is sensitive, what is no JSON, or what a function makes another thing of, may hold it
 * under any name.
 */
export const quotable = ({ sensitive, reply }: StepDefinition, body: string): string =>
  sensitive.length === 0 || body.trim() === '' || (reply === undefined && exactOf(body) !== undefined)
    ? body
    : '(not shown, as it may hold a sensitive field of the result)';
