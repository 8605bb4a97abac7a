/*
 * A process that writes to the store in the directory it is given and dies without closing it: by kill, at the moment in
 * which its last write was acknowledged.
 */
import { openEmbeddedStore } from '../../lib/local/embedded-store.ts';
import { ABSENT, claimOf, completedOf, metaOf } from '../contract/store-fixtures.ts';

const store = await openEmbeddedStore({ kind: 'disk', directory: process.argv[2] ?? '' });
const meta = metaOf('one');
await store.create(meta);
await store.writeStep(meta, completedOf('payment', { orderId: 'o-1' }), ABSENT, meta.expiresAt);
await store.writeStep(meta, claimOf('shipment'), ABSENT, meta.expiresAt);
process.kill(process.pid, 'SIGKILL');
