import { expect, it } from 'vitest';
import type { ChainDefinition } from '../../../lib/chain/definition.ts';
import type { ResumeBody } from '../../../lib/contract/wire.ts';
import { resume } from '../../../lib/engine/operations/change.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, DAY, loaded, metaOf, START } from '../../ports/store/fixtures.ts';
import { GRAPHS } from '../fixtures.ts';
import { withLookup } from '../with-lookup.ts';
import { openWorld, requestChain, TENANT } from '../world.ts';

const PLAIN = requestChain(GRAPHS.line);
const ASKING = withLookup(PLAIN);

const { leaseUntil: _, ...ENDED } = claimOf('b', { status: 'failed', keyedAt: START });
const error = { code: 'DEADLINE_EXCEEDED', message: 'no reply', effect: 'unknown' } as const;
/** The second step failed, and nobody knows whether it acted. */
const IN_DOUBT: StepRecord = { ...ENDED, error };

/** A workflow that failed at its second step three days ago: the target may have forgotten the key. */
async function failed(chain: ChainDefinition, ...records: readonly StepRecord[]) {
  const world = await openWorld(chain);
  const { dueAt: _dueAt, ...begun } = metaOf('one', { tenant: TENANT, input: { card: '4', amount: 1 } });
  const meta: WorkflowMeta = { ...begun, status: 'failed', error: { ...error, step: 'b', attempts: 1 } };
  const { store } = world.engine.ports;
  await store.create(meta);
  for (const record of [completedOf('a', { ok: 'a' }), IN_DOUBT, ...records])
    await store.writeStep(meta, record, ABSENT, meta.expiresAt);
  await world.clock.advance(3 * DAY);
  const say = (body: ResumeBody = {}) => resume(world.engine, meta, body);
  return { world, meta, say, state: () => loaded(store, meta) };
}

it('a resume is refused where the key of a step may be forgotten and nobody can ask its target', async () => {
  const { meta, say, state } = await failed(PLAIN);
  await expect(say()).rejects.toMatchObject({ code: 'KEY_EXPIRED' });
  expect((await state()).meta).toStrictEqual(meta);
});

it('a resume is not refused for a step whose target is asked before it is called again', async () => {
  const { world, say, state } = await failed(ASKING);
  expect(await say()).toMatchObject({ status: 'processing' });
  expect((await state()).steps.get('b')).toStrictEqual(IN_DOUBT);
  expect(world.visible('b')).toMatchObject([{ action: 'do', epoch: 1 }]);
});

it('a person may say what became of a call while its target is still being asked: the answer comes too late', async () => {
  const asked = claimOf('b', { action: 'lookup', open: 0, leaseUntil: START + 3 * DAY + 60_000 });
  const { say, state } = await failed(ASKING, asked);
  expect(await say({ done: { ok: 'b-7' } })).toMatchObject({ status: 'processing' });
  const { meta, steps, lookups } = await state();
  expect(steps.get('b')).toMatchObject({ status: 'completed', result: { ok: 'b-7' } });
  expect(lookups?.get('b')).toStrictEqual(asked);
  expect(meta.epoch).toBe(1);
});
