import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import * as z from 'zod';

/** A request and its answer, as they went over the wire. */
export interface Exchange {
  readonly method: string;
  /** With the query, if there is one. */
  readonly path: string;
  /** The JSON that was sent; undefined where it was none. */
  readonly body: unknown;
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

const schema = z.looseObject({});
const content = z.record(z.string(), z.object({ schema }));
const response = z.object({
  headers: z.record(z.string(), z.object({ required: z.boolean().optional() })).optional(),
  /** Of one without a body there is none. */
  content: content.default({}),
});
const operation = z.object({
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), response),
});
const openApi = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({
    responses: z.object({ UnknownRoute: response, MethodNotAllowed: response }),
    schemas: z.record(z.string(), schema),
  }),
});
export type Document = z.infer<typeof openApi>;
export const parseDocument = (json: unknown): Document => openApi.parse(json);

/** What an exchange has that the document does not say; undefined where it says all. */
export type Described = (exchange: Exchange) => string | undefined;

const checkers = new Map<string, Described>();

/** Holds exchanges to an OpenAPI document: status, content type, headers that must be there, and bodies. */
export function describedBy(text: string): Described {
  const known = checkers.get(text) ?? checkerOf(openApi.parse(JSON.parse(text)));
  checkers.set(text, known);
  return known;
}

function checkerOf(document: Document): Described {
  // Fields that the document does not name are a mistake here, though its readers are to expect them of a later release.
  const [asked, answered] = [validatorOf(document), validatorOf(openApi.parse(closed(document)))];
  for (const at of placesIn(document)) (at.includes('requestBody') ? asked : answered)(at);
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, said]) => ({ path, method, said, pattern: patternOf(path) })),
  );
  return (exchange) => {
    const path = exchange.path.split('?')[0] ?? '';
    const here = routes.filter(({ pattern }) => pattern.test(path));
    const route = here.find(({ method }) => method === exchange.method.toLowerCase());
    if (route === undefined) {
      const name = here.length === 0 ? 'UnknownRoute' : 'MethodNotAllowed';
      const said = document.components.responses[name];
      return problemOf(answered, said, ['components', 'responses', name], exchange);
    }
    const at = ['paths', route.path, route.method];
    const said = route.said.responses[exchange.status];
    if (said === undefined) return `it has no response ${exchange.status}`;
    const body = ['requestBody', 'content', 'application/json', 'schema'];
    const refused =
      exchange.status < 300 && exchange.body !== undefined
        ? asked([...at, ...body])(exchange.body)
        : undefined;
    return (
      (refused && `the request was taken, and ${refused}`) ??
      problemOf(answered, said, [...at, 'responses', String(exchange.status)], exchange)
    );
  };
}

function problemOf(
  check: Validator,
  said: z.infer<typeof response>,
  at: readonly string[],
  { status, headers, json }: Exchange,
): string | undefined {
  const type = headers.get('content-type') ?? '';
  if (said.content[type] === undefined) return `its response ${status} has no content ${type}`;
  const missing = Object.entries(said.headers ?? {}).filter(
    ([name, { required }]) => required === true && !headers.has(name),
  );
  if (missing.length > 0) return `the header ${missing.map(([name]) => name).join(', ')} is missing`;
  return check([...at, 'content', type, 'schema'])(json);
}

/** What a value has against the schema at a place of the document. */
type Validator = (at: readonly string[]) => (value: unknown) => string | undefined;

function validatorOf(document: Document): Validator {
  const ajv = ajvFor(document);
  return (at) => {
    const pointer = at.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const validate = ajv.getSchema(`openapi#/${encodeURI(pointer)}`);
    if (validate === undefined) throw new Error(`there is no schema at ${pointer}`);
    return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors));
  };
}

/** Where the schemas of bodies stand. To compile them takes a second, in which no scenario is to wait for an answer. */
const placesIn = ({ paths }: Document): readonly (readonly string[])[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody, responses }]) => {
      const parts = [
        ...(requestBody === undefined ? [] : [[['requestBody'], requestBody] as const]),
        ...Object.entries(responses).map(([status, said]) => [['responses', status], said] as const),
      ];
      return parts.flatMap(([part, { content }]) =>
        Object.keys(content).map((type) => ['paths', path, method, ...part, 'content', type, 'schema']),
      );
    }),
  );

/** A validator that knows the document as `openapi`, and takes no keyword that it does not know. */
export function ajvFor(document: Document): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: true,
    inlineRefs: false,
  });
  formats.default(ajv);
  ajv.addFormat('e164', /^\+[1-9]\d{6,14}$/);
  ajv.addVocabulary(Object.keys(document));
  ajv.addSchema(document, 'openapi');
  return ajv;
}

/** No object has a field that its schema does not name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const inside = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closed(part)]));
  const isObject = inside.type === 'object' && 'properties' in inside;
  return isObject && !('additionalProperties' in inside)
    ? { ...inside, additionalProperties: false }
    : inside;
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
