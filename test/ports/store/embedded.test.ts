import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../../lib/local/store/store.ts';
import { storeContract } from './contract.ts';

storeContract('embedded, in memory', async () => {
  const store = await openEmbeddedStore({ kind: 'memory' });
  return { store, close: store.close };
});

storeContract('embedded, on disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stepline-store-'));
  const store = await openEmbeddedStore({ kind: 'disk', directory });
  return {
    store,
    close: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});
