/**
 * What no engine can beat on this machine: a plain Node server that makes the same three calls, one after another, and
 * saves nothing. It answers a start at once, as Stepline does, and knows its orders in memory only.
 */
import { randomBytes } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, request as send } from 'node:http';
import { CALL_HEADERS } from '../../lib/contract/names.ts';

const [, , baseUrl = ''] = process.argv;
const agent = new Agent({ keepAlive: true });
const statuses = new Map<string, string>();

const read = (incoming: IncomingMessage): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', reject);
    incoming.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
  });

function call(path: string, workflowId: string, body: unknown): Promise<Record<string, unknown>> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = send(baseUrl + path, {
      agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        [CALL_HEADERS.idempotencyKey]: `${workflowId}:${path}`,
        [CALL_HEADERS.workflowId]: workflowId,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => read(incoming).then(resolve, reject));
    outgoing.end(text);
  });
}

async function process3(workflowId: string, order: Readonly<Record<string, unknown>>): Promise<void> {
  const { orderId } = await call('/charges', workflowId, { card: order.card, amount: order.amount });
  const { trackingId } = await call('/shipments', workflowId, { orderId, address: order.address });
  await call('/messages', workflowId, { email: order.email, trackingId });
  statuses.set(workflowId, 'completed');
}

const server = createServer((request, response) => {
  const answer = (status: number, body: unknown): void => {
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  };
  if (request.method === 'GET') {
    const workflowId = (request.url ?? '').slice('/api/workflows/'.length);
    answer(200, { workflowId, status: statuses.get(workflowId) });
    return;
  }
  void read(request).then((order) => {
    const workflowId = `wf_${randomBytes(16).toString('hex')}`;
    statuses.set(workflowId, 'processing');
    answer(202, { workflowId, status: 'processing' });
    void process3(workflowId, order);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) {
    console.log(`ceiling listens on http://127.0.0.1:${address.port}`);
  }
});
process.on('disconnect', () => process.exit(0));
