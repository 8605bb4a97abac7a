import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

/** One request as an AWS SDK sends it: `input` is the JSON of it, or the fields of a query such as SNS's. */
export interface AwsRequest {
  readonly action: string;
  readonly input: unknown;
}

export interface AwsAnswer {
  readonly status: number;
  /** JSON, or text such as XML as it is. */
  readonly body: unknown;
}

export interface AwsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A server on loopback that stands for AWS services. An `answer` that throws an error with a name is answered as AWS
 * answers a refusal: 400 with the name.
 * @example const server = await startAwsServer(async ({ action }) => ({ status: 200, body: { action } }));
 */
export async function startAwsServer(
  answer: (request: AwsRequest) => Promise<AwsAnswer>,
): Promise<AwsServer> {
  const server = createServer((request, response) => {
    void read(request)
      .then(answer)
      .catch(refusal)
      .then(({ status, body }) => {
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function read(request: IncomingMessage): Promise<AwsRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('utf8');
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    return { action: target.slice(target.indexOf('.') + 1), input: JSON.parse(body) };
  }
  const fields = Object.fromEntries(new URLSearchParams(body));
  return { action: fields.Action ?? '', input: fields };
}

function refusal(error: unknown): AwsAnswer {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { status: 400, body: { __type: `com.amazonaws#${name}`, message } };
}
