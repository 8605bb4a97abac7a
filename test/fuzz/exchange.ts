import net from 'node:net';

/** When a client ends what it began: when all answers are there, or nothing more comes, as soon as it has written, or before that. */
export type Ending = 'hears the server out' | 'closes its side at once' | 'breaks off';

/** After so much silence a client believes that nothing more comes, in milliseconds. An answer takes one or two. */
const SILENCE_MS = 25;
/** A connection that is open so long after its client has closed its side is one that the server forgot, in milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * Writes bytes on a connection of their own, and resolves with all that came back once the server has closed it.
 * @param count answers that a client waits for which hears the server out; without it, it waits for silence
 * Errors: an `Error` with what was written where the server does not close it, or those answers do not come.
 */
export async function exchange(port: number, bytes: Buffer, ending: Ending, count?: number): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const received: Buffer[] = [];
  // A server may refuse what it is still sent, and then resets the connection.
  socket.on('error', () => undefined);
  socket.on('data', (piece) => received.push(piece));
  socket.on('end', () => socket.end());
  if (ending === 'breaks off') socket.write(bytes, () => socket.destroy());
  else if (ending === 'closes its side at once') socket.end(bytes);
  else if (count === undefined) socket.write(bytes, () => afterSilence(socket));
  else {
    socket.write(bytes);
    socket.on('data', () => {
      if (isThere(received, count)) socket.end();
    });
  }
  await new Promise<void>((resolve, reject) => {
    const forgotten = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(
          `no end of what was begun with ${JSON.stringify(bytes.toString('latin1').slice(0, 2_000))}`,
        ),
      );
    }, PATIENCE_MS);
    socket.once('close', () => {
      clearTimeout(forgotten);
      resolve();
    });
  });
  return Buffer.concat(received).toString('latin1');
}

function isThere(received: readonly Buffer[], count: number): boolean {
  try {
    return answersIn(Buffer.concat(received).toString('latin1')).length >= count;
  } catch {
    return false;
  }
}

function afterSilence(socket: net.Socket): void {
  const timer = setTimeout(() => socket.end(), SILENCE_MS);
  socket.on('data', () => timer.refresh());
  socket.once('close', () => clearTimeout(timer));
}

/** An answer as it was written. */
export interface RawAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether there is no body though its length is told: so it is in an answer to HEAD, and in no other. */
  readonly bodiless: boolean;
}

/**
 * Reads all answers of a connection. Interim answers (1xx) are left out.
 * Errors: an `Error` with the text that is no answer.
 */
export function answersIn(received: string): readonly RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = received;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const [line = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) [\w -]+$/.exec(line)?.[1];
    if (end === -1 || status === undefined)
      throw new Error(`no answer: ${JSON.stringify(rest.slice(0, 300))}`);
    const headers = headersIn(lines);
    const { after, ...body } = bodyIn(rest.slice(end + 4), headers);
    rest = after;
    if (!status.startsWith('1')) answers.push({ statusCode: Number(status), headers, ...body });
  }
  return answers;
}

function headersIn(lines: readonly string[]): Readonly<Record<string, string>> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^([\w-]+): (.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`no header: ${JSON.stringify(line)}`);
    if (headers.has(name.toLowerCase())) throw new Error(`a header twice: ${line}`);
    headers.set(name.toLowerCase(), value);
  }
  return Object.fromEntries(headers);
}

function bodyIn(rest: string, headers: RawAnswer['headers']) {
  // Node's own refusals have no body, in one way or another.
  if (headers['transfer-encoding'] === 'chunked' && rest.startsWith('0\r\n\r\n')) {
    return { body: '', bodiless: false, after: rest.slice(5) };
  }
  const length = Number(headers['content-length'] ?? '0');
  if (length > 0 && headers.connection === 'close' && rest === '')
    return { body: '', bodiless: true, after: '' };
  if (!Number.isInteger(length) || length > rest.length) {
    throw new Error(`content-length ${headers['content-length']}, and ${rest.length} bytes came`);
  }
  const body = Buffer.from(rest.slice(0, length), 'latin1').toString('utf8');
  return { body, bodiless: false, after: rest.slice(length) };
}
