/**
 * What an engine is measured by: a Node server that makes the same three calls, one after another, and saves nothing. It
 * answers a start at once, as Stepline does, and knows its orders in memory only.
 *
 * `plain` calls with Node's own fetch, as one would write it; `bare` with node:http on kept connections, which is the
 * least that a call can cost here.
 */
import { randomBytes } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, request as send } from 'node:http';
import { CALL_HEADERS } from '../../lib/contract/names.ts';

type Json = Record<string, unknown>;
type Call = (path: string, workflowId: string, body: unknown) => Promise<Json>;

const [, , baseUrl = '', kind = 'plain'] = process.argv;
const statuses = new Map<string, string>();

const headersOf = (path: string, workflowId: string): Record<string, string> => ({
  'content-type': 'application/json',
  [CALL_HEADERS.idempotencyKey]: `${workflowId}:${path}`,
  [CALL_HEADERS.workflowId]: workflowId,
});

const plain: Call = async (path, workflowId, body) => {
  const headers = headersOf(path, workflowId);
  const reply = await fetch(baseUrl + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(`${path} answered ${reply.status}`);
  return JSON.parse(await reply.text());
};

const agent = new Agent({ keepAlive: true });

const bare: Call = (path, workflowId, body) => {
  const text = JSON.stringify(body);
  const headers = { ...headersOf(path, workflowId), 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const outgoing = send(baseUrl + path, { agent, method: 'POST', headers });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => read(incoming).then(resolve, reject));
    outgoing.end(text);
  });
};

const read = (incoming: IncomingMessage): Promise<Json> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', reject);
    incoming.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
  });

const call = kind === 'bare' ? bare : plain;

async function process3(workflowId: string, order: Readonly<Json>): Promise<void> {
  const { orderId } = await call('/charges', workflowId, { card: order.card, amount: order.amount });
  const { trackingId } = await call('/shipments', workflowId, { orderId, address: order.address });
  await call('/messages', workflowId, { email: order.email, trackingId });
  statuses.set(workflowId, 'completed');
}

const server = createServer((request, response) => {
  const answer = (status: number, body: unknown): void => {
    const text = JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    response.writeHead(status, headers).end(text);
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
