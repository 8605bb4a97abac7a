import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { portOf } from '../adapters/http/raw-server.ts';

/** A target behind somebody else's proxy. A demo target would refuse what was sent to another port than its own. */
export interface Books {
  readonly port: number;
  /** How often it acted, by idempotency key: 1, whatever was sent again. */
  readonly effects: ReadonlyMap<string, number>;
  /** Requests that it read to their end. */
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
    try {
      await buffer(request);
    } catch {
      // Half a request is none.
      return;
    }
    requests += 1;
    const key = String(request.headers['idempotency-key']);
    const before = effects.get(key) ?? 0;
    if (before === 0 || !keeps) effects.set(key, before + 1);
    const body = JSON.stringify({ id: `of ${key}` });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
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
