import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface TargetCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** The targets of an order, on loopback. */
export interface TestTargets {
  /** What `STEPLINE_TARGETS` holds for them. */
  readonly settings: unknown;
  readonly calls: readonly TargetCall[];
  /** Whether payments are declined from now on. */
  decline(declined: boolean): void;
  reset(): void;
  close(): Promise<void>;
}

const SECRET = { header: 'Authorization', prefix: 'Bearer ' };

/** What the stores of secrets hold for them, by action and name. */
export const SECRETS: Readonly<Record<string, object>> = {
  'GetSecretValue stepline/test/shipping': { SecretString: '{"apiKey":"s3cret-ship"}' },
  'GetParameter /stepline/test/mail': { Parameter: { Value: 's3cret-mail\n' } },
};

const REPLIES: Readonly<Record<string, unknown>> = {
  '/pay/charges': { orderId: 'o-1', receiptUrl: 'https://pay.example/1' },
  '/ship/shipments': { trackingId: 't-1', estimatedDelivery: 'soon' },
  '/mail/messages': { messageId: 'm-1' },
};

export async function startTargets(): Promise<TestTargets> {
  const calls: TargetCall[] = [];
  let declined = false;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = request.url ?? '';
    calls.push({ path, headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
    const status = declined && path === '/pay/charges' ? 402 : 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? REPLIES[path] : { error: 'declined' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    settings: {
      payments: { baseUrl: `${url}/pay`, headers: { Authorization: 'env:PAY_KEY' } },
      shipping: {
        baseUrl: `${url}/ship`,
        secret: { ...SECRET, store: 'secrets-manager', name: 'stepline/test/shipping', field: 'apiKey' },
      },
      mail: {
        baseUrl: `${url}/mail`,
        secret: { ...SECRET, store: 'ssm', name: '/stepline/test/mail' },
      },
    },
    calls,
    decline: (wanted) => {
      declined = wanted;
    },
    reset: () => {
      calls.length = 0;
      declined = false;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
