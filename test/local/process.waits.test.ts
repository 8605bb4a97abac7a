import { expect, it } from 'vitest';
import { startLocal } from '../../lib/local/process.ts';
import { closers } from '../support/closers.ts';
import { chains } from '../support/shipped-chains.ts';
import { completed, order, QUIET, show } from './process-support.ts';

it('waits between attempts for as much of the time as the option says', async () => {
  const options = { ...QUIET, backoffScale: 0.001 };
  const local = await startLocal(chains, options, { readable: false, say: () => undefined });
  closers.push(local.stop);
  await local.demo?.setFault('payments', { status: 503, times: 2 });
  const id = await order(local.baseUrl);
  await completed(local.baseUrl, id);
  const { timeline = [] } = await show(local.baseUrl, id);
  const [first, second, third] = timeline.filter(({ step }) => step === 'payment');
  const waited = (from?: string | null, to?: string | null): number =>
    Date.parse(to ?? '') - Date.parse(from ?? '');
  // Of the definition's 45 and 90 s.
  expect(waited(first?.endedAt, second?.startedAt)).toBeGreaterThanOrEqual(22);
  expect(waited(second?.endedAt, third?.startedAt)).toBeGreaterThanOrEqual(45);
  expect(third).toMatchObject({ attempt: 3, outcome: 'completed' });
});
