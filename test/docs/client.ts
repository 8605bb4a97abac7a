import type { orderProcessing } from '../../functions/chains/order-processing.ts';
import { stepline, WorkflowFailed } from '../../lib/client/index.ts';

const client = stepline<typeof orderProcessing>('http://localhost:3000');

export async function buy(order: string, card: string): Promise<string | null> {
  const input = { card, amount: 42.5, address: '1 Main Street', email: 'ada@example.com' };
  const started = await client.start('order-processing', input, { idempotencyKey: order });
  try {
    return (await started.wait({ timeout: 120 })).trackingId;
  } catch (error) {
    if (error instanceof WorkflowFailed) await started.undo({ reason: 'the customer is not kept waiting' });
    throw error;
  }
}
