import { expect, it } from 'vitest';
import { notifications } from '../../../functions/chains/notifications.ts';
import { answer, everyFault, testChain } from '../../../lib/testing/index.ts';

const input = { email: 'a@example.com', phone: '+14155550123', device: 'd-1', text: 'hello' };
const targets = {
  mail: { 'POST /messages': { messageId: 'm-1' } },
  sms: { 'POST /texts': { textId: 't-1' } },
  push: { 'POST /pushes': { pushId: 'p-1' } },
};

it('a way that fails stops none of the others, and is sent once it is mended', async () => {
  let sms = answer(422);
  const fakes = { ...targets, sms: { 'POST /texts': () => sms } };
  const run = await testChain(notifications, { input, targets: fakes });
  await run.until('failed');
  expect(run.workflow).toMatchObject({ messageId: 'm-1', textId: null, pushId: 'p-1' });
  sms = answer(200, { textId: 't-1' });
  await run.resume();
  expect(await run.until('completed')).toMatchObject({ textId: 't-1' });
  expect(run.calls).toHaveLength(4);
});

it('each text is sent three ways, once, whatever fails', async () => {
  await everyFault(notifications, { input, targets });
});
