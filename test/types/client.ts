// Checked by `tsc`: each line under an expect-error comment must not compile, and an unused comment is an error itself.
import * as z from 'zod';
import type { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain, target } from '../../lib/chain/index.ts';
import { type InputOf, type OutputOf, stepline, type Workflow } from '../../lib/client/index.ts';
import type { StepStatus, WorkflowStatus } from '../../lib/contract/names.ts';

const api = target('api');
const refunds = chain('refunds', {
  version: 1,
  start: '/api/refund',
  input: z.strictObject({ order: z.string(), cents: z.number().default(0), card: z.string() }),
  sensitive: ['card'],
})
  .step('refund', {
    request: ({ input }) => api.post('/refunds', { order: input.order }),
    response: z.object({ id: z.string(), at: z.object({ day: z.number().optional() }) }),
  })
  .output(({ input, results }) => ({
    order: input.order,
    refund: results.refund?.id,
    seen: new Date(0),
    at: results.refund?.at ?? null,
  }));
const silent = chain('silent', { version: 1, start: '/api/silent', input: z.strictObject({}) }).step('ask', {
  request: () => api.get('/'),
}).definition;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only where both types are the same. */
const same = <A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void => undefined;

// What a chain's type says
same<InputOf<typeof refunds>, { order: string; cents?: number | undefined; card: string }>();
same<
  OutputOf<typeof refunds>,
  {
    readonly order: string;
    readonly refund: string | null;
    readonly seen: string;
    readonly at: { readonly day?: number | undefined } | null;
  }
>();
same<OutputOf<typeof orderProcessing>['trackingId'], string | null>();

const order = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };
export async function oneChain(): Promise<void> {
  const client = stepline<typeof orderProcessing>('http://localhost:3000');
  const started = await client.start('order-processing', order, { idempotencyKey: 'o-1' });
  // @ts-expect-error there is no such chain
  await client.start('refunds', order);
  // @ts-expect-error the input has such a field
  await client.start('order-processing', { card: '4242', amount: 5, address: 'Main St 1' });
  // @ts-expect-error the amount is a number
  await client.start('order-processing', { ...order, amount: '5' });
  // @ts-expect-error the input has no such field
  await client.start('order-processing', { ...order, note: 'x' });
  const done = await started.wait({ timeout: 60 });
  same<(typeof done)['status'], 'completed'>();
  same<(typeof done)['trackingId'], string | null>();
  const shown = await started.get();
  same<(typeof shown)['status'], WorkflowStatus>();
  same<(typeof shown)['chain'], 'order-processing'>();
  same<(typeof shown.steps)['payment'], StepStatus | undefined>();
  // @ts-expect-error the chain has no such step
  shown.steps.delivery;
  // @ts-expect-error the chain has no such output
  shown.giftCard;
  // @ts-expect-error attempts are in the timeline alone
  shown.timeline;
  const { timeline, operations } = await started.timeline();
  same<(typeof timeline)[number]['step'], string>();
  same<(typeof operations)[number]['operation'], 'cancel' | 'resume' | 'undo'>();
  await started.resume({ steps: { payment: { notDone: true } }, reason: 'seen in the books' });
  // @ts-expect-error nothing can be said so of a step
  await started.resume({ steps: { payment: { perhaps: true } } });
  // @ts-expect-error a list has no such filter
  client.list({ chain: 'refunds' });
}

export async function severalChains(): Promise<void> {
  const client = stepline<typeof orderProcessing | typeof refunds | typeof silent>('http://localhost:3000');
  const refund = await client.start('refunds', { order: 'o-1', card: '4242' });
  same<Awaited<ReturnType<typeof refund.get>>['refund'], string | null>();
  await client.start('silent', {});
  // @ts-expect-error it is the input of the other chain
  await client.start('refunds', order);
  const shown = await client.workflow('wf_1').get();
  same<typeof shown, Workflow<typeof orderProcessing | typeof refunds | typeof silent>>();
  if (shown.chain === 'refunds') same<(typeof shown)['seen'], string>();
  // @ts-expect-error nobody knows yet which chain it is
  shown.seen;
  for await (const { chain: name, status } of client.list({ chain: 'silent', status: 'failed' })) {
    if (name === 'refunds' && status === 'completed') return;
  }
}

/** Without a chain's type everything has a name, and nothing an output. */
export async function noChain(): Promise<void> {
  const started = await stepline('http://localhost:3000').start('anything', { any: 'thing' });
  const shown = await started.get();
  same<(typeof shown)['chain'], string>();
  // @ts-expect-error what it is nobody knows
  shown.trackingId.length;
}
