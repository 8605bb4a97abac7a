import { type Listener, openListener } from '../../../lib/local/demo/http.ts';
import type { SECRETS } from './fixture-chains.ts';

/** Two targets that remember the headers of every request. */
export interface Vaults {
  readonly baseUrls: Readonly<Record<keyof typeof SECRETS, string>>;
  readonly seen: readonly NodeJS.Dict<string | string[]>[];
  close(): Promise<void>;
}

export async function openVaults(): Promise<Vaults> {
  const seen: NodeJS.Dict<string | string[]>[] = [];
  const open = (): Promise<Listener> =>
    openListener(
      (request, response) => {
        seen.push(request.headers);
        request.resume();
        response.writeHead(200).end();
      },
      '127.0.0.1',
      0,
    );
  const [vault, parameters] = [await open(), await open()];
  return {
    baseUrls: {
      vault: `http://127.0.0.1:${vault.port}`,
      parameters: `http://127.0.0.1:${parameters.port}`,
    },
    seen,
    close: async () => {
      await Promise.all([vault.close(), parameters.close()]);
    },
  };
}
