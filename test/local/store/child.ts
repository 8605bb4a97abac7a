/*
 * A process that writes to the store in the directory it is given and dies without closing it: by kill, at the moment in
 * which its last claim was acknowledged. Of what it wrote before, a load showed one workflow, and META of the other was
 * acknowledged: so all that came before them is on disk, and a claim that came after may be lost.
 */
import { openEmbeddedStore } from '../../../lib/local/store/store.ts';
import { ABSENT, claimOf, completedOf, metaOf } from '../../ports/store/fixtures.ts';

const store = await openEmbeddedStore({ kind: 'disk', directory: process.argv[2] ?? '' });
const [shown, answered] = [metaOf('shown'), metaOf('answered')];
await store.create(shown);
await store.writeStep(shown, claimOf('confirmation'), ABSENT, shown.expiresAt);
await store.writeStep(shown, completedOf('payment', { orderId: 'o-1' }), ABSENT, shown.expiresAt);
await store.load(shown);
await store.create(answered);
await store.writeStep(answered, claimOf('payment'), ABSENT, answered.expiresAt);
await store.writeMeta({ ...answered, status: 'cancelled' }, { status: 'processing', epoch: 0 });
await store.writeStep(shown, claimOf('shipment'), ABSENT, shown.expiresAt);
process.kill(process.pid, 'SIGKILL');
