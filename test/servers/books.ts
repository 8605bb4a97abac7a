import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { portOf } from '../adapters/http/raw-server.ts';

/** A target behind somebody else's proxy. A demo target would refuse what was sent to another port than its own. */
export interface Books {
  readonly port: number;
  /** How often it acted, by idempotency key, or by the body where there is none. */
  readonly effects: ReadonlyMap<string, number>;
  /** POST requests that it read to their end. */
  requests(): number;
  close(): Promise<void>;
}

/**
 * A server that acts on each POST that it has read to its end, once for each idempotency key, and answers what it did before.
 * @param keeps whether it keeps keys; without, each request is an effect
 */
export async function openBooks({ keeps = true }: { readonly keeps?: boolean } = {}): Promise<Books> {
  const effects = new Map<string, number>();
  let requests = 0;
  const server = createServer(async (request, response) => {
    let body: string;
    try {
      body = await text(request);
    } catch {
      // Half a request is none.
      return;
    }
    // Somebody looks whether it is there.
    if (request.method !== 'POST') return void response.end();
    requests += 1;
    const key = String(request.headers['idempotency-key'] ?? body);
    const before = effects.get(key) ?? 0;
    if (before === 0 || !keeps) effects.set(key, before + 1);
    const reply = JSON.stringify({ id: `of ${key}` });
    const length = Buffer.byteLength(reply);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length }).end(reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    effects,
    requests: () => requests,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
