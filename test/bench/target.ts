/**
 * An instant target: answers each call of the order chain at once, and tells its parent the workflow id of every
 * confirmation it has answered, so that the driver need not poll while a workflow is under way.
 */
import { createServer } from 'node:http';
import { CALL_HEADERS } from '../../lib/contract/names.ts';

const REPLIES: Readonly<Record<string, string>> = {
  '/charges': JSON.stringify({ orderId: 'ord_1', receiptUrl: 'https://receipts.example/ord_1' }),
  '/shipments': JSON.stringify({ trackingId: 'trk_1', estimatedDelivery: '2030-01-01' }),
  '/messages': JSON.stringify({ messageId: 'msg_1' }),
};

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    const path = request.url ?? '';
    const body = REPLIES[path];
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
    if (path === '/messages') process.send?.({ confirmed: request.headers[CALL_HEADERS.workflowId] });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit(0));
