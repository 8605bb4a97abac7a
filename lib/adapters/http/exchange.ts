import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { REPLY_HEADERS } from '../../contract/names.ts';
import type { HttpOutcome } from '../../engine/ports.ts';
import { GIVEN_UP, type Route, taken } from './agents.ts';
import { type Decoded, decodeText } from './charset.ts';
import { decodeBody } from './coding.ts';

export interface ExchangeInput {
  /** Created, nothing written yet. */
  readonly outgoing: ClientRequest;
  readonly url: URL;
  readonly route: Route;
  readonly deadlineMs: number;
  readonly limit: number;
  /** Of a reply, or those alone that the engine reads. */
  readonly allHeaders: boolean;
  readonly resolve: (ended: Ended) => void;
}

/** How one sending of a request ended. */
export interface Ended {
  readonly outcome: HttpOutcome;
  /** Its connection had served an earlier call, and broke before any byte of a reply. */
  readonly unheard: boolean;
}

/** Informational answers (1xx) before a reply. They are read at the cost of a reply each, and nothing else bounds them. */
const MOST_INFORMATION = 100;

function enlarged(body: Buffer, bytes: number): Buffer {
  const larger = Buffer.allocUnsafe(bytes);
  body.copy(larger);
  return larger;
}

/** Statuses whose replies end with their headers. */
const WITHOUT_BODY = new Set([204, 304]);

/** RFC 9112, 6.3: a body of neither a length nor chunks ends where its connection does, however that came. */
const endsWithConnection = ({ headers, statusCode = 0 }: IncomingMessage): boolean =>
  headers['content-length'] === undefined &&
  !/\bchunked$/i.test(headers['transfer-encoding'] ?? '') &&
  !WITHOUT_BODY.has(statusCode);

const isCoded = (incoming: IncomingMessage | undefined): boolean =>
  incoming?.headers['content-encoding'] !== undefined;

type Body = Pick<Extract<HttpOutcome, { kind: 'reply' }>, 'body' | 'unreadable'>;
const NOTHING: Body = { body: '' };

function textOf({ headers }: IncomingMessage, bytes: Buffer, limit: number): Body | 'tooLarge' {
  const coding = headers['content-encoding'];
  const decoded: Decoded<Buffer> | 'tooLarge' =
    coding === undefined ? { ok: true, value: bytes } : decodeBody(bytes, coding, limit);
  if (decoded === 'tooLarge') return decoded;
  // What is left of a coding is nothing that a person reads.
  if (!decoded.ok) return { body: '', unreadable: decoded.problem };
  const text = decodeText(decoded.value, headers['content-type']);
  return text.ok ? { body: text.value } : { body: decoded.value.toString('utf8'), unreadable: text.problem };
}

const CLOSED = 'it was closed';

/** The status by which a proxy wants to be signed in to. A target has no use for it. */
const REFUSED_BY_PROXY = 407;

const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.message;

/** Node has one code for two ends: only a reset is an error of a system call. */
function whyBroken(error: Error): string {
  const code = codeOf(error);
  if (code === 'ECONNRESET') return 'syscall' in error ? 'reset by the peer' : CLOSED;
  return code.startsWith('HPE_') ? `what came is not HTTP (${code})` : code;
}

const READ: readonly string[] = REPLY_HEADERS;

/** Node writes names in lower case. Of a header that came twice it keeps the first (Retry-After, Location), or joins them by commas (the others). */
function replyHeadersOf(
  { headers }: IncomingMessage,
  all: boolean,
): Readonly<Record<string, string>> | undefined {
  // Cookies alone are a list: they are secrets of the target, and of no use to a call.
  let found: Record<string, string> | undefined;
  for (const name in headers) {
    const value = all || READ.includes(name) ? headers[name] : undefined;
    if (typeof value !== 'string') continue;
    found ??= {};
    found[name] = value;
  }
  return found;
}

type FailureCode = Extract<HttpOutcome, { kind: 'failure' }>['code'];

/**
 * One request and what becomes of it. Settles exactly once, by a reply, an error, the size limit or the deadline,
 * whichever is first; its listeners stay on the request, so that whatever comes later is heard by nobody else.
 */
export class Exchange {
  private readonly input: ExchangeInput;
  private timer: NodeJS.Timeout | undefined;
  private settled = false;
  /** Until the connection (with TLS: the handshake) stands, no byte of the request can have left. */
  private connected = false;
  /** The connection, and the bytes that earlier calls had read from it. */
  private socket: Socket | undefined;
  private readBefore = 0;
  private informed = 0;
  private incoming: IncomingMessage | undefined;
  /** What was read of the body: its first `bytes` bytes. One buffer, for a chunk of one byte costs a hundred as an object. */
  private body: Buffer | undefined;
  private bytes = 0;

  constructor(input: ExchangeInput) {
    this.input = input;
  }

  begin(body: string | undefined): void {
    const { outgoing, deadlineMs } = this.input;
    this.timer = setTimeout(() => this.onDeadline(), deadlineMs);
    outgoing.on('socket', (socket) => this.onSocket(socket));
    outgoing.on('information', () => this.onInformation());
    outgoing.on('response', (incoming) => this.onResponse(incoming));
    outgoing.on('error', (error) => this.onError(error));
    outgoing.on('close', () => this.onClose());
    outgoing.end(body);
  }

  private onSocket(socket: Socket): void {
    this.socket = socket;
    this.readBefore = socket.bytesRead;
    if (!socket.connecting) {
      taken(socket);
      this.connected = true;
      return;
    }
    socket.once(this.input.route.secure ? 'secureConnect' : 'connect', () => {
      this.connected = true;
    });
  }

  private onInformation(): void {
    this.informed += 1;
    if (this.informed <= MOST_INFORMATION) return;
    this.fail('CONNECTION_BROKEN', `${this.peer()} sent more than ${MOST_INFORMATION} informational answers`);
  }

  private onResponse(incoming: IncomingMessage): void {
    if (this.input.route.forwarded && incoming.statusCode === REFUSED_BY_PROXY) {
      // It has passed nothing on.
      this.connected = false;
      this.onError(new Error(`the proxy answered ${REFUSED_BY_PROXY} ${STATUS_CODES[REFUSED_BY_PROXY]}`));
      return;
    }
    this.incoming = incoming;
    incoming.on('data', (chunk: Buffer) => this.onData(chunk));
    incoming.on('error', (error) => this.onError(error));
    incoming.on('end', () => this.onEnd(incoming));
  }

  private onData(chunk: Buffer): void {
    if (this.settled) return;
    this.append(chunk);
    if (this.bytes <= this.input.limit) return;
    const excerpt = isCoded(this.incoming) ? undefined : this.read().toString('utf8', 0, this.input.limit);
    this.fail('REPLY_TOO_LARGE', `the reply is larger than ${this.input.limit} bytes`, excerpt);
  }

  /** A body that came in one piece, as most do, is not copied. */
  private append(chunk: Buffer): void {
    const bytes = this.bytes + chunk.length;
    if (this.body === undefined) this.body = chunk;
    else {
      if (this.body.length < bytes) this.body = enlarged(this.body, 2 * bytes);
      chunk.copy(this.body, this.bytes);
    }
    this.bytes = bytes;
  }

  private onEnd(incoming: IncomingMessage): void {
    const headers = replyHeadersOf(incoming, this.input.allHeaders);
    const body = this.bytes === 0 ? NOTHING : textOf(incoming, this.read(), this.input.limit);
    if (body === 'tooLarge') {
      this.fail('REPLY_TOO_LARGE', `the reply is larger than ${this.input.limit} bytes when it is decoded`);
      return;
    }
    this.settle({
      kind: 'reply',
      status: incoming.statusCode ?? 0,
      ...body,
      ...(headers === undefined ? {} : { headers }),
      ...(endsWithConnection(incoming) ? { untilClose: true } : {}),
    });
    // A server that answers before it has read the request may never read the rest: nobody else would end the connection.
    if (!this.input.outgoing.writableFinished) this.input.outgoing.destroy();
  }

  private onDeadline(): void {
    const within = `within ${Math.round(this.input.deadlineMs)} ms`;
    this.fail(
      'DEADLINE_EXCEEDED',
      this.connected
        ? `no complete reply from ${this.peer()} ${within}: time ran out ${this.progress()}`
        : `no connection to ${this.peer()} ${within}`,
    );
  }

  private onError(error: Error): void {
    if (this.connected) this.broke(whyBroken(error));
    else this.fail('CONNECTION_FAILED', `cannot connect to ${this.peer()}: ${codeOf(error)}`);
  }

  /** Node closes without an error what it does not understand, such as a switch of protocols. A reply ends by itself. */
  private onClose(): void {
    if (this.incoming === undefined) this.broke(CLOSED);
  }

  private broke(why: string): void {
    this.fail('CONNECTION_BROKEN', `the connection to ${this.peer()} broke ${this.progress()}: ${why}`);
  }

  /** Who is at the other end, as errors call it. */
  private peer(): string {
    const { url, route } = this.input;
    return route.proxy === undefined ? url.host : `${url.host} through the proxy ${route.proxy.host}`;
  }

  /** How far the reply came. */
  private progress(): string {
    if (this.incoming === undefined) {
      return this.isUnheard() ? 'before any byte of a reply' : 'in the headers of the reply';
    }
    const length = this.incoming.headers['content-length'];
    const ofAll = length === undefined ? '' : ` of ${length}`;
    return `after ${this.bytes}${ofAll} bytes of the reply’s body`;
  }

  private isUnheard(): boolean {
    return this.socket?.bytesRead === this.readBefore;
  }

  private fail(code: FailureCode, message: string, excerpt?: string): void {
    // Its socket may serve another call by now.
    if (this.settled) return;
    const status = this.incoming?.statusCode;
    const headers = this.incoming && replyHeadersOf(this.incoming, false);
    this.settle({
      kind: 'failure',
      code,
      sent: this.connected ? 'unknown' : 'no',
      message,
      ...(status === undefined ? {} : { status }),
      ...(headers === undefined ? {} : { headers }),
      ...(excerpt === undefined ? {} : { excerpt }),
    });
    this.input.outgoing.destroy();
    this.input.outgoing.emit(GIVEN_UP);
  }

  private settle(outcome: HttpOutcome): void {
    this.settled = true;
    clearTimeout(this.timer);
    this.body = undefined;
    const broken = outcome.kind === 'failure' && outcome.code === 'CONNECTION_BROKEN';
    this.input.resolve({
      outcome,
      unheard: broken && this.input.outgoing.reusedSocket && this.isUnheard(),
    });
  }

  /** What was read so far. */
  private read(): Buffer {
    return this.body?.subarray(0, this.bytes) ?? Buffer.alloc(0);
  }
}
