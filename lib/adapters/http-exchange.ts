import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpOutcome } from '../engine/ports.ts';

export interface ExchangeInput {
  /** Created, nothing written yet. */
  readonly outgoing: ClientRequest;
  readonly url: URL;
  readonly deadlineMs: number;
  readonly limit: number;
  readonly resolve: (outcome: HttpOutcome) => void;
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
  private incoming: IncomingMessage | undefined;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  constructor(input: ExchangeInput) {
    this.input = input;
  }

  begin(body: string | undefined): void {
    const { outgoing, deadlineMs } = this.input;
    this.timer = setTimeout(() => this.onDeadline(), deadlineMs);
    outgoing.on('socket', (socket) => this.onSocket(socket));
    outgoing.on('response', (incoming) => this.onResponse(incoming));
    outgoing.on('error', (error) => this.onError(error));
    outgoing.on('close', () => this.onClose());
    outgoing.end(body);
  }

  private onSocket(socket: Socket): void {
    if (!socket.connecting) {
      this.connected = true;
      return;
    }
    socket.once(this.input.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      this.connected = true;
    });
  }

  private onResponse(incoming: IncomingMessage): void {
    this.incoming = incoming;
    incoming.on('data', (chunk: Buffer) => this.onData(chunk));
    incoming.on('error', (error) => this.onError(error));
    incoming.on('end', () => this.onEnd(incoming));
  }

  private onData(chunk: Buffer): void {
    if (this.settled) return;
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= this.input.limit) return;
    const message = `the reply is larger than ${this.input.limit} bytes`;
    this.fail('REPLY_TOO_LARGE', message, this.text().slice(0, this.input.limit));
  }

  private onEnd(incoming: IncomingMessage): void {
    const retryAfter = incoming.headers['retry-after'];
    const status = incoming.statusCode ?? 0;
    const body = this.text();
    this.settle({ kind: 'reply', status, body, ...(retryAfter === undefined ? {} : { retryAfter }) });
  }

  private onDeadline(): void {
    const { deadlineMs, url } = this.input;
    const what = this.connected ? `no complete reply from ${url.host}` : `no connection to ${url.host}`;
    this.fail('DEADLINE_EXCEEDED', `${what} within ${Math.round(deadlineMs)} ms`);
  }

  private onError(error: Error): void {
    const { host } = this.input.url;
    const why = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
    if (this.connected) this.fail('CONNECTION_BROKEN', `the connection to ${host} broke: ${why}`);
    else this.fail('CONNECTION_FAILED', `cannot connect to ${host}: ${why}`);
  }

  /** Node closes without an error what it does not understand, such as a switch of protocols. A reply ends by itself. */
  private onClose(): void {
    if (this.incoming !== undefined) return;
    this.fail('CONNECTION_BROKEN', `the connection to ${this.input.url.host} closed without a reply`);
  }

  private fail(code: FailureCode, message: string, excerpt?: string): void {
    // Its socket may serve another call by now.
    if (this.settled) return;
    const status = this.incoming?.statusCode;
    this.settle({
      kind: 'failure',
      code,
      sent: this.connected ? 'unknown' : 'no',
      message,
      ...(status === undefined ? {} : { status }),
      ...(excerpt === undefined ? {} : { excerpt }),
    });
    this.input.outgoing.destroy();
  }

  private settle(outcome: HttpOutcome): void {
    this.settled = true;
    clearTimeout(this.timer);
    this.chunks.length = 0;
    this.input.resolve(outcome);
  }

  /** What was read so far. Invalid UTF-8 becomes U+FFFD; a byte order mark, which JSON.parse refuses, goes. */
  private text(): string {
    const [only] = this.chunks;
    const whole = only !== undefined && this.chunks.length === 1 ? only : Buffer.concat(this.chunks);
    const text = whole.toString('utf8');
    return text.startsWith('\uFEFF') ? text.slice(1) : text;
  }
}
