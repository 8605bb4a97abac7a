import fc from 'fast-check';
import { type Asked, anyRequest } from './asked.ts';
import { type Request, requestOf } from './request.ts';
import { anyChange, type Change, changed, record } from './values.ts';
import type { Known } from './world.ts';

/** How a request is written: what HTTP allows, and what no client library would send. */
export interface Written {
  readonly asked: Asked;
  readonly framing: (typeof FRAMINGS)[number];
  readonly version: string;
  /** The target as it is written; undefined for that of the request. */
  readonly target: string | undefined;
  readonly method: string | undefined;
  /** Whole header lines, one byte a character. */
  readonly lines: readonly string[];
  /** What happens to its bytes at last. */
  readonly changes: readonly Change[];
}

const PROPER_FRAMINGS = ['length', 'chunks', 'small chunks', 'chunk extension and trailer'] as const;
const FRAMINGS = [
  ...PROPER_FRAMINGS,
  'chunk without a size',
  'chunk larger than it is',
  'chunk size beyond all numbers',
  'length above',
  'length below',
  'length twice',
  'two lengths',
  'length that is no number',
  'length beyond all numbers',
  'length and chunks',
  'neither',
] as const;

/** Larger than a number may be, and than 64 bits. */
const BEYOND = '9'.repeat(30);

const LINES: readonly string[] = [
  'host: other',
  'origin: https://other.test',
  'origin: null',
  'sec-fetch-site: cross-site',
  'connection: close',
  'connection: keep-alive, close, x',
  'content-type: text/html',
  'expect: 100-continue',
  'expect: a miracle',
  'upgrade: websocket\r\nconnection: upgrade',
  'transfer-encoding: gzip',
  'transfer-encoding: chunked, identity',
  'content-length: 0',
  'idempotency-key: a\r\nidempotency-key: b',
  '__proto__: x',
  'constructor: x',
  'no colon',
  ': no name',
  'space : x',
  'folded: a\r\n b',
  'bare: a\nb: c',
  'nul: \0',
  'latin: \xff\xfe',
  'half: \xc3',
  `long: ${'x'.repeat(20_000)}`,
  'x: y\r\n'.repeat(1_500).trimEnd(),
];
/** Targets that HTTP allows. */
const ODD_TARGETS: readonly string[] = [
  '/%00',
  '/api/workflows/%E2%82',
  '/api/workflows/%zz',
  '/api/workflows/%2e%2e%2f%2e%2e',
  '/api/workflows?%=%zz&limit=%ff',
  '/api/workflows?cursor=%00',
  '/api/workflows?__proto__=1&constructor=2',
  '/api/workflows;x=1',
  'http://other/api/workflows',
];
const WRONG_TARGETS: readonly string[] = [
  '*',
  '',
  'x',
  '//',
  '/%',
  '/%zz',
  '/api/workflows#x',
  '/api/\xff\xfe',
  '/api/work flows',
  'localhost:443',
  `/api/workflows?${'x'.repeat(10_000)}`,
  `/${'x'.repeat(20_000)}`,
];
const METHODS: readonly string[] = ['CONNECT', 'TRACE', 'M-SEARCH', 'BREW', 'post', '', 'G\0T', 'P\xd6ST'];

const rarely = <Of>(arbitrary: fc.Arbitrary<Of>, oneIn: number): fc.Arbitrary<Of | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** Requests of a server of one tenant, which is the first. */
export const anyWritten: fc.Arbitrary<Written> = record({
  asked: anyRequest(fc.constant(0)),
  framing: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...PROPER_FRAMINGS) },
    { weight: 2, arbitrary: fc.constantFrom(...FRAMINGS) },
  ),
  version: fc.oneof(
    { weight: 20, arbitrary: fc.constant('HTTP/1.1') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTP/1.1 ', 'http/1.1', ''),
    },
  ),
  target: rarely(fc.constantFrom(...ODD_TARGETS, ...WRONG_TARGETS), 12),
  method: rarely(fc.constantFrom(...METHODS), 20),
  lines: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...LINES), { minLength: 1, maxLength: 2 }) },
  ),
  changes: fc.oneof(
    { weight: 8, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 3 }) },
  ),
});

/** Whether the request is one that HTTP allows, whatever it asks for: then it has an answer. */
export const isProper = ({ framing, version, target, method, lines, changes }: Written): boolean =>
  PROPER_FRAMINGS.some((proper) => proper === framing) &&
  version === 'HTTP/1.1' &&
  (target === undefined || ODD_TARGETS.includes(target)) &&
  method === undefined &&
  lines.length === 0 &&
  changes.length === 0;

/** The bytes of a request. */
export async function bytesOf(world: Known, port: number, written: Written): Promise<Buffer> {
  const request = await requestOf(world, written.asked);
  const { method = request.method, target = targetOf(request), version } = written;
  const body = request.body ?? Buffer.alloc(0);
  const { lines, payload } = framed(body, request.body === undefined ? 'neither' : written.framing);
  const head = [
    `${method} ${target} ${version}`,
    `host: localhost:${port}`,
    ...request.headers.map(([name, value]) => `${name}: ${value.replaceAll(/[^\t\x20-\xff]/g, '')}`),
    ...lines,
    ...written.lines,
  ];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), payload]);
  return written.changes.reduce(changed, bytes);
}

function targetOf({ path, id, query }: Request): string {
  const encoded = path.replace(id, () => encodeURIComponent(id.toWellFormed()));
  // A path out of a generator may hold anything.
  const target = encoded.replaceAll(/[^!-~]/g, (one) => encodeURIComponent(one.toWellFormed()));
  return query.length === 0 ? target : `${target}?${new URLSearchParams(query.map(([...pair]) => pair))}`;
}

interface Framed {
  readonly lines: readonly string[];
  readonly payload: Buffer;
}

function framed(body: Buffer, framing: Written['framing']): Framed {
  const { length } = body;
  const lengths = (...values: readonly (number | string)[]): Framed => ({
    lines: values.map((value) => `content-length: ${value}`),
    payload: body,
  });
  const chunked = (...chunks: readonly Buffer[]): Framed => ({
    lines: ['transfer-encoding: chunked'],
    payload: Buffer.concat(chunks),
  });
  switch (framing) {
    case 'neither':
      return { lines: [], payload: body };
    case 'length':
      return lengths(length);
    case 'length above':
      return lengths(length + 7);
    case 'length below':
      return lengths(Math.floor(length / 2));
    case 'length twice':
      return lengths(length, length);
    case 'two lengths':
      return lengths(length, length + 1);
    case 'length that is no number':
      return lengths(`0x${length.toString(16)}`);
    case 'length beyond all numbers':
      return lengths(BEYOND);
    case 'chunks':
      return chunked(chunk(body), LAST);
    case 'small chunks':
      return chunked(...piecesOf(body).map((piece) => chunk(piece)), LAST);
    case 'chunk extension and trailer':
      return chunked(chunk(body, `${length.toString(16)};a="b"`), Buffer.from('0\r\nx: y\r\n\r\n'));
    case 'chunk without a size':
      return chunked(chunk(body, ''), LAST);
    case 'chunk larger than it is':
      return chunked(chunk(body, (length + 5).toString(16)), LAST);
    case 'chunk size beyond all numbers':
      return chunked(chunk(body, 'f'.repeat(30)), LAST);
    case 'length and chunks':
      return {
        ...chunked(chunk(body), LAST),
        lines: ['transfer-encoding: chunked', `content-length: ${length}`],
      };
  }
}

const LAST = Buffer.from('0\r\n\r\n');
/** A chunk of no bytes would be the last one. */
const chunk = (body: Buffer, size = body.length.toString(16)): Buffer =>
  body.length === 0
    ? Buffer.alloc(0)
    : Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from('\r\n')]);

/** At most some twenty pieces. */
function piecesOf(body: Buffer): readonly Buffer[] {
  const size = Math.max(7, Math.ceil(body.length / 20));
  return Array.from({ length: Math.ceil(body.length / size) }, (_, at) =>
    body.subarray(at * size, (at + 1) * size),
  );
}
