import { expect } from 'vitest';
import * as z from 'zod';
import { goTool } from './tools/install.ts';
import { startServer } from './tools/server.ts';

/** What toxiproxy does to the bytes of a connection: `downstream` is from the server to the client. */
export interface Toxic {
  readonly type: 'latency' | 'bandwidth' | 'slow_close' | 'timeout' | 'reset_peer' | 'slicer' | 'limit_data';
  readonly stream: 'upstream' | 'downstream';
  readonly attributes: Readonly<Record<string, number>>;
}

/** A way to a server that can be poisoned. */
export interface ToxicProxy {
  readonly url: string;
  /** With these toxics and no other. */
  poison(...toxics: readonly Toxic[]): Promise<void>;
  /** Off, it refuses connections, and ends those that it has. */
  turn(on: boolean): Promise<void>;
}

export interface Toxiproxy {
  proxy(name: string, upstreamPort: number): Promise<ToxicProxy>;
  stop(): Promise<void>;
}

const made = z.object({ listen: z.string(), enabled: z.boolean() });
const shown = z.object({
  name: z.string(),
  type: z.string(),
  stream: z.string(),
  attributes: z.record(z.string(), z.number()),
});

/** Starts toxiproxy with a fixed seed. */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const server = await startServer('toxiproxy', (port) => [
    goTool('server'),
    ...['-host', '127.0.0.1', '-port', String(port), '-seed', '1'],
  ]);
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    // With the User-Agent of a browser it answers 403.
    const reply = await fetch(server.url + path, {
      method,
      headers: { 'user-agent': 'stepline' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    stop: server.stop,
    async proxy(name, upstreamPort) {
      const { listen } = made.parse(
        await ask('POST', '/proxies', {
          ...{ name, listen: '127.0.0.1:0', upstream: `127.0.0.1:${upstreamPort}`, enabled: true },
        }),
      );
      const path = `/proxies/${name}`;
      return {
        url: `http://${listen}`,
        async poison(...toxics) {
          for (const { name } of z.array(shown).parse(await ask('GET', `${path}/toxics`)))
            await ask('DELETE', `${path}/toxics/${name}`);
          for (const toxic of toxics) await ask('POST', `${path}/toxics`, toxic);
          // An attribute that it does not know is answered 200, and has its default.
          expect(z.array(shown).parse(await ask('GET', `${path}/toxics`))).toEqual(
            toxics.map(({ type, stream, attributes }) => ({
              name: `${type}_${stream}`,
              ...{ type, stream },
              attributes: expect.objectContaining(attributes),
            })),
          );
        },
        async turn(enabled) {
          expect(made.parse(await ask('POST', path, { enabled })).enabled).toBe(enabled);
        },
      };
    },
  };
}
