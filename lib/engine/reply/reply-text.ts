import { parseExact } from '../json/numbers.ts';
import { excerpt, SEARCHED } from '../mask.ts';

/** Levels of a JSON reply that are shown; what lies deeper is named by its place alone. */
const LEVELS_SHOWN = 8;

/**
 * At most 200 characters of a reply for a person, secrets masked: JSON as names and values, so that no JSON stands escaped
 * within the JSON of an answer or a log line. NULs go, as text of another charset has them between the characters of a secret. A text that was
 * not decoded whole may hold the rest of a secret: it is not shown where a secret is more than ASCII.
 * @example replyText('{"error":{"code":"card_declined","message":"Your card was declined."}}', [])
 * // 'code: card_declined; message: Your card was declined.'
 */
export function replyText(body: string, secrets: readonly string[]): string {
  if (body.includes('\uFFFD') && !secrets.every(isAscii)) return '';
  const text = body.replaceAll('\0', '');
  return excerpt(text.length > SEARCHED ? text : inWords(text), secrets);
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

function inWords(body: string): string {
  const start = body.trimStart()[0];
  if (start !== '{' && start !== '[') return body;
  let json: unknown;
  try {
    json = parseExact(body).json;
  } catch {
    return body;
  }
  return [...leaves(unwrapped(json), '', LEVELS_SHOWN)].join('; ') || body;
}

/** An object that holds one object alone is an envelope: `{ "error": { … } }`. */
function unwrapped(json: unknown): unknown {
  if (!isBranch(json) || Array.isArray(json)) return json;
  const [only, ...others] = Object.values(json);
  return others.length === 0 && isBranch(only) ? only : json;
}

const isBranch = (json: unknown): json is object => typeof json === 'object' && json !== null;

/** `name: value` of everything that is neither list nor object, in the order of the text. */
function* leaves(json: unknown, name: string, levels: number): Generator<string> {
  if (!isBranch(json)) yield name === '' ? String(json) : `${name}: ${json}`;
  else if (levels === 0) yield `${name}: …`;
  else
    for (const [key, value] of Object.entries(json)) {
      yield* leaves(value, name === '' ? key : `${name}.${key}`, levels - 1);
    }
}
