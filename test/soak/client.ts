import type { Book } from './book.ts';
import type { Lives } from './lives.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Send {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
}

/** Milliseconds that a client waits: every answer should take far less. */
const PATIENCE_MS = 20_000;

/** A client of the server whichever life it is in. */
export class Client {
  private readonly lives: Lives;
  private readonly book: Book;

  constructor(lives: Lives, book: Book) {
    this.lives = lives;
    this.book = book;
  }

  /** Asks it once it listens; undefined: it was killed before it answered, and nobody knows what it did. */
  async send({ method, path, key, body }: Send): Promise<Answer | undefined> {
    const address = await this.lives.up();
    try {
      const response = await fetch(address + path, {
        method,
        headers: key === undefined ? {} : { 'idempotency-key': key },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const answer: unknown = await response.json();
      return { status: response.status, body: answer };
    } catch (error) {
      if (this.lives.baseUrl === address) {
        this.book.unexpected(`${method} ${path} got no answer from a server that lives: ${error}`);
      }
      return undefined;
    }
  }

  /** Takes down an answer that the API does not give here. */
  refuse({ method, path }: Send, { status, body }: Answer): void {
    // A server that is told to end, or does not know whether it has saved, says so.
    if (status === 503) return;
    this.book.unexpected(`${method} ${path} was answered ${status}: ${JSON.stringify(body)}`);
  }
}
