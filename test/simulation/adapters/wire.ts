import { HttpRequest, HttpResponse } from '@smithy/core/protocols';
import * as z from 'zod';

/** One request of the SDK on the wire of AWS's JSON protocol: `input` is its body. */
export interface AwsExchange {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An answer on that wire. */
export interface AwsReply {
  readonly status: number;
  readonly output: Readonly<Record<string, unknown>>;
}

const object = z.record(z.string(), z.unknown());

const parsedObject = (text: string): Readonly<Record<string, unknown>> =>
  object.parse(text === '' ? {} : JSON.parse(text));

/** Errors: throws for anything else than such a request. */
export function exchangeOf(request: unknown): AwsExchange & { readonly http: HttpRequest } {
  if (!HttpRequest.isInstance(request)) throw new Error('this is no HTTP request');
  const target = request.headers['x-amz-target'] ?? '';
  const operation = target.slice(target.indexOf('.') + 1);
  const body: unknown = request.body;
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : z.string().parse(body);
  return { http: request, operation, input: parsedObject(text) };
}

/** The same request with another body. Nobody checks the signature. */
export function withInput(http: HttpRequest, input: AwsExchange['input']): HttpRequest {
  const changed = HttpRequest.clone(http);
  const body = JSON.stringify(input);
  changed.body = body;
  changed.headers['content-length'] = String(Buffer.byteLength(body));
  return changed;
}

/** Reads an answer to its end. */
export async function replyOf(response: unknown): Promise<AwsReply> {
  if (!HttpResponse.isInstance(response)) throw new Error('this is no HTTP response');
  const chunks: Uint8Array[] = [];
  if (response.body instanceof Uint8Array) chunks.push(response.body);
  else for await (const chunk of response.body) chunks.push(chunk);
  return { status: response.statusCode, output: parsedObject(Buffer.concat(chunks).toString('utf8')) };
}

/** @example responseOf({ status: 400, output: { __type: 'ThrottlingException' } }) */
export const responseOf = ({ status, output }: AwsReply): HttpResponse =>
  new HttpResponse({
    statusCode: status,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Buffer.from(JSON.stringify(output)),
  });
