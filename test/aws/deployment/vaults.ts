import { type Listener, openListener } from '../../../lib/local/demo/http.ts';
import type { SECRETS } from './fixture-chains.ts';

/** Two targets that remember the headers of every request. */
export interface Vaults {
  readonly baseUrls: Readonly<Record<Exclude<keyof typeof SECRETS, 'signing'>, string>>;
  readonly seen: readonly NodeJS.Dict<string | string[]>[];
  /** What `authorization` must be for a 200; any other is answered 401. Undefined: anything may come. */
  wanted: string | undefined;
  close(): Promise<void>;
}

export async function openVaults(): Promise<Vaults> {
  const seen: NodeJS.Dict<string | string[]>[] = [];
  const vaults: { wanted: string | undefined } = { wanted: undefined };
  const open = (): Promise<Listener> =>
    openListener(
      (request, response) => {
        seen.push(request.headers);
        request.resume();
        const { authorization } = request.headers;
        const isGood =
          vaults.wanted === undefined || authorization === undefined || authorization === vaults.wanted;
        response.writeHead(isGood ? 200 : 401).end();
      },
      '127.0.0.1',
      0,
    );
  const [vault, parameters] = [await open(), await open()];
  return Object.assign(vaults, {
    baseUrls: {
      vault: `http://127.0.0.1:${vault.port}`,
      parameters: `http://127.0.0.1:${parameters.port}`,
    },
    seen,
    close: async () => {
      await Promise.all([vault.close(), parameters.close()]);
    },
  });
}
