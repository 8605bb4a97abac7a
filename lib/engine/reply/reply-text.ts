import { parseExact } from '../json/numbers.ts';
import { excerpt, SEARCHED } from '../mask.ts';

/** Levels of a JSON reply that are shown; what lies deeper is named by its place alone. */
const LEVELS_SHOWN = 8;

/**
 * At most 200 characters of a reply for a person, secrets masked: JSON as names and values, so that no JSON stands escaped
 * within the JSON of an answer or a log line; of a problem document (RFC 9457) the wrong fields first. NULs go, as text of another charset
 * has them between the characters of a secret. A text that was not decoded whole may hold the rest of a secret: it is not shown where a
 * secret is more than ASCII.
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
  return [...leaves(particularFirst(unwrapped(json)), '', LEVELS_SHOWN)].join('; ') || body;
}

/** Members that say little: a status is told anyhow, and a type is an address. */
const SAYS_LITTLE = new Set(['status', 'type']);

/**
 * A problem document (RFC 9457) with what it says of this request at its head: which fields are wrong, then its sentences. In most of them
 * these come last, and there would be no room.
 */
function particularFirst(json: unknown): unknown {
  if (!isProblem(json)) return json;
  const rank = (name: string, value: unknown): number => {
    if (isBranch(value)) return 0;
    if (name === 'detail') return 1;
    return SAYS_LITTLE.has(name) ? 3 : 2;
  };
  const members = Object.entries(json);
  return Object.fromEntries(members.sort(([a, one], [b, other]) => rank(a, one) - rank(b, other)));
}

const isProblem = (json: unknown): json is object =>
  isBranch(json) &&
  'type' in json &&
  typeof json.type === 'string' &&
  'title' in json &&
  typeof json.title === 'string';

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
