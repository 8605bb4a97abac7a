import type { EncodedBody } from '../../chain/request/body.ts';
import { LIMITS } from '../../contract/limits.ts';
import { comparable } from './comparable.ts';
import { leaves } from './leaves.ts';

/** A request as its step makes it. */
export interface Sent {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: EncodedBody | undefined;
}

/**
 * The values of a request that are a part of a secret: a surname, of a name; a card without its last digits. Those that are the whole of one
 * are not needed, as secrets are looked for in any spelling.
 * @param secrets texts that must not be shown
 * @example sentOf({ path: '/people', body: { contentType: 'application/json', content: '{"last":"Lovelace"}' } }, ['Ada Lovelace']) // ['Lovelace']
 */
export function sentOf(request: Sent, secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) return [];
  // A part of a secret is hardly longer than it, whatever stands between its characters: a body of megabytes is not compared.
  const longest = SPACED * secrets.reduce((most, { length }) => Math.max(most, length), 0);
  const byBeginning = new Map<string, (readonly [string, string])[]>();
  for (const value of valuesOf(request)) {
    if (value.length > longest) continue;
    const text = comparable(value);
    if (text.length < LIMITS.comparedLength) continue;
    const beginning = text.slice(0, LIMITS.comparedLength);
    const known = byBeginning.get(beginning);
    if (known === undefined) byBeginning.set(beginning, [[text, value]]);
    else known.push([text, value]);
  }
  const found = new Set<string>();
  for (const secret of byBeginning.size === 0 ? [] : secrets) {
    const whole = comparable(secret);
    for (let at = 0; at + LIMITS.comparedLength <= whole.length; at += 1) {
      for (const [text, value] of byBeginning.get(whole.slice(at, at + LIMITS.comparedLength)) ?? []) {
        if (whole.startsWith(text, at)) found.add(value);
      }
    }
  }
  return [...found];
}

/** So many times as long as its secret a value may be. */
const SPACED = 4;

function valuesOf({ path, headers = {}, body }: Sent): ReadonlySet<string> {
  const found = new Set(path.split(/[/?&=;]/).map(decoded));
  for (const header of Object.values(headers)) {
    found.add(header);
    for (const word of header.split(' ')) found.add(word);
  }
  if (body !== undefined) valuesIn(body, found);
  return found;
}

function valuesIn({ contentType, content }: EncodedBody, found: Set<string>): void {
  const json = jsonOf(content);
  if (json !== undefined) leaves(json, found);
  else if (contentType.startsWith('application/x-www-form-urlencoded')) {
    for (const value of new URLSearchParams(content).values()) found.add(value);
  } else for (const value of content.split(/[<>"'=&,;\r\n]+/)) found.add(value.trim());
}

/** Undefined for a text that is no list or object. */
function jsonOf(content: string): unknown {
  if (!/^[[{]/.test(content)) return undefined;
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
