import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { textsIn, type Undoing } from './undone.ts';

/** `type`: the content type, where it is not JSON. */
const storedReply = z.object({ status: z.int(), body: z.string(), type: z.string().optional() });
/** What was answered to a call, and is answered again under the same key. */
export type StoredReply = z.infer<typeof storedReply>;

const effectLine = z.object({
  target: z.string(),
  key: z.string().nullable(),
  // Files of earlier versions have calls by POST alone, and do not say so.
  method: z.string().default('POST'),
  path: z.string(),
  body: z.unknown(),
  at: z.iso.datetime(),
  reply: storedReply,
  undoes: z.string().optional(),
});
const refusedLine = z.object({ target: z.string(), refused: z.string() });
const clearedLine = z.object({ target: z.string(), cleared: z.literal(true) });
const line = z.union([effectLine, refusedLine, clearedLine]);
type Line = z.infer<typeof line>;

/** One effect as `GET /ledger` shows it. `times`: effects under this key; more than 1 is a double charge. */
export interface Effect {
  readonly key: string | null;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly at: string;
  readonly times: number;
  /** The key of the effect that this one takes back; `#0` is the first effect of the target, where that has no key. */
  readonly undoes?: string;
}

/** `calls` counts every request received, those without effect included. */
export interface LedgerView {
  readonly effects: readonly Effect[];
  readonly calls: number;
  /** Keys of calls that were taken back before they came: a late call with one of them is refused. Left out where there is none. */
  readonly refused?: readonly string[];
}

/** The lines of all targets. Each is handed to the operating system before the call is answered, so a killed process forgets none. */
export interface LedgerFile {
  readonly lines: readonly Line[];
  append(added: Line): void;
}

/**
 * Reads the file, or begins it. Half a line at its end, of a process killed as it wrote, is cut off: that call was
 * never answered.
 * Errors: an `Error` that names the line that cannot be read.
 */
export function openLedgerFile(path: string): LedgerFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const whole = bytes.lastIndexOf('\n') + 1;
  if (whole < bytes.length) truncateSync(path, whole);
  const texts = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1);
  return {
    lines: texts.map((text, index) => parseLine(text, `${path}:${index + 1}`)),
    append: (added) => appendFileSync(path, `${JSON.stringify(added)}\n`, { mode: 0o600 }),
  };
}

function parseLine(text: string, where: string): Line {
  try {
    return line.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${where} is no line of a ledger; remove the file to begin a new one`, { cause });
  }
}

export interface NewEffect {
  readonly key: string | null;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  /** What must not be kept: of it only the last four characters are. */
  readonly secrets: readonly string[];
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reply: StoredReply;
  readonly undoes?: string | undefined;
}

/** An effect with what was answered, and the name that others call it by: its key, or `#` and its place. */
interface Booked {
  readonly name: string;
  readonly effect: Effect;
  readonly reply: StoredReply;
}

/** An effect that is to be taken back. */
interface Found {
  readonly name: string;
  /** What was answered to who took it back before. */
  readonly undone: StoredReply | undefined;
}

/** What one target did, and what it answered. */
export class Ledger {
  calls = 0;
  private booked: Booked[] = [];
  private readonly refused = new Set<string>();
  private readonly replies = new Map<string, StoredReply>();
  private readonly target: string;
  private readonly file: LedgerFile | undefined;

  constructor(target: string, file?: LedgerFile) {
    this.target = target;
    this.file = file;
    for (const old of file?.lines ?? []) if (old.target === target) this.take(old);
  }

  /** The number of effects, for ids of calls without a key. */
  get size(): number {
    return this.booked.length;
  }

  replyTo(key: string): StoredReply | undefined {
    return this.replies.get(key);
  }

  /** Whether a call with this key was taken back before it came. */
  refuses(key: string): boolean {
    return this.refused.has(key);
  }

  /** From now on a call with this key is refused. */
  refuse(key: string): void {
    if (!this.refused.has(key)) this.keep({ target: this.target, refused: key });
  }

  /**
   * The effect that an undo means: that of the key, else one whose reply holds one of the names, else one that code made under a key that begins
   * so and that is not taken back yet.
   * @returns its name, and what was answered to who took it back already
   */
  find({ done, names }: Pick<Undoing, 'done' | 'names'>): Found | undefined {
    const effects = this.booked.filter(({ effect }) => effect.undoes === undefined);
    const undone = (name: string) => this.booked.find(({ effect }) => effect.undoes === name)?.reply;
    const found =
      effects.find(({ name }) => name === done) ??
      effects.find(({ name, reply }) => names.has(name) || idsIn(reply).some((id) => names.has(id))) ??
      effects.find(({ name }) => name.startsWith(`${done}:`) && undone(name) === undefined);
    return found && { name: found.name, undone: undone(found.name) };
  }

  /**
   * What was answered to a call that acted: to that of the key, else to one that says the key in its body, as it may where its target takes none, else
   * to one that code made under a key that begins so.
   */
  replyAbout(key: string): StoredReply | undefined {
    const acted = this.booked.filter(({ effect }) => effect.undoes === undefined);
    const found =
      acted.find(({ name }) => name === key) ??
      acted.find(({ effect }) => textsIn(effect.body).includes(key)) ??
      acted.find(({ name }) => name.startsWith(`${key}:`));
    return found?.reply;
  }

  /** Errors: those of the file; then nothing is recorded. */
  record({ key, method, path, body, secrets, at, reply, undoes }: NewEffect): void {
    // The longest first: a secret that contains another must go whole.
    const hidden = [...secrets].sort((a, b) => b.length - a.length);
    const effect = {
      target: this.target,
      key,
      method,
      path: withoutSecrets(path, [...hidden, ...hidden.map(inPath)]),
      body: redacted(body, hidden),
      at: new Date(at).toISOString(),
      ...(undoes === undefined ? {} : { undoes }),
    };
    // A reply that is given again is the same, secrets included: until the process ends, as the file must not hold them.
    const kept =
      reply.type === undefined
        ? JSON.stringify(redacted(JSON.parse(reply.body), hidden))
        : withoutSecrets(reply.body, hidden);
    this.file?.append({ ...effect, reply: { ...reply, body: kept } });
    this.take({ ...effect, reply });
  }

  /** Forgets everything, the keys too. */
  clear(): void {
    this.keep({ target: this.target, cleared: true });
  }

  view(): LedgerView {
    const times = new Map<string, number>();
    const effects = this.booked.map(({ effect }) => effect);
    for (const { key } of effects) if (key !== null) times.set(key, (times.get(key) ?? 0) + 1);
    const counted = effects.map((effect) => ({ ...effect, times: times.get(effect.key ?? '') ?? 1 }));
    const refused = this.refused.size === 0 ? {} : { refused: [...this.refused] };
    return { effects: counted, calls: this.calls, ...refused };
  }

  private keep(added: Line): void {
    this.file?.append(added);
    this.take(added);
  }

  private take(added: Line): void {
    if ('cleared' in added) {
      this.booked = [];
      this.replies.clear();
      this.refused.clear();
      this.calls = 0;
      return;
    }
    if ('refused' in added) {
      this.refused.add(added.refused);
      return;
    }
    const { key, method, path, body, at, reply, undoes } = added;
    const effect = { key, method, path, body, at, times: 1, ...(undoes === undefined ? {} : { undoes }) };
    this.booked.push({ name: key ?? `#${this.size}`, effect, reply });
    if (key !== null) this.replies.set(key, reply);
  }
}

/** The texts that a reply holds at its top: an id is one of them. */
function idsIn({ body, type }: StoredReply): readonly string[] {
  if (type !== undefined) return [];
  const json: unknown = JSON.parse(body);
  const values = typeof json === 'object' && json !== null ? Object.values(json) : [];
  return values.filter((value) => typeof value === 'string');
}

/** Of a secret that is long enough only the last four characters are kept, of a shorter one none. */
const hint = (secret: string): string => (secret.length >= 12 ? `…${secret.slice(-4)}` : '…');

const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((rest, secret) => rest.replaceAll(secret, hint(secret)), text);

const inPath = (text: string): string => encodeURIComponent(text.toWellFormed());

/** A text that holds a secret, and a number that is one. */
function redacted(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return withoutSecrets(value, secrets);
  if (typeof value === 'number') return secrets.includes(String(value)) ? hint(String(value)) : value;
  if (Array.isArray(value)) return value.map((one) => redacted(one, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, redacted(one, secrets)]));
}
