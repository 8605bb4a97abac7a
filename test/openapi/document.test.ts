import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { routesOf } from '../../functions/routes.ts';
import { chain } from '../../lib/chain/chain.ts';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { registry } from '../../lib/chain/registry.ts';
import { target } from '../../lib/chain/target.ts';
import { PROBLEMS, ProblemError } from '../../lib/engine/problems.ts';
import { openApi } from '../../lib/openapi/document.ts';
import { ajvFor, parseDocument } from '../e2e/described.ts';
import { fixtureChains } from '../e2e/fixture-chains.ts';
import { chains } from '../support/shipped-chains.ts';

const documentOf = (of: readonly ChainDefinition[]) => openApi(registry(of));
/** As a reader gets it. */
const read = (of: readonly ChainDefinition[]) => parseDocument(JSON.parse(JSON.stringify(documentOf(of))));
const shipped = read(chains);

const mail = target('mail');
/** A chain with that input. */
const chainOf = (input: z.ZodObject, options: { readonly startKey?: () => string } = {}): ChainDefinition =>
  chain('letters', { version: 1, start: '/api/send-letter', input, ...options }).step('send', {
    request: () => mail.post('/messages'),
  }).definition;

const TEXTS = z.object({ text: z.string() });

/** Each is valid by itself, whatever else is deployed. */
const DEPLOYMENTS: Readonly<Record<string, readonly ChainDefinition[]>> = {
  'of the shipped chains': chains,
  'of chains of tests': [...chains, ...fixtureChains],
  'of a chain without output': [chainOf(TEXTS)],
  'of no chain': [],
  'of a chain whose input no JSON Schema says': [
    { ...chainOf(TEXTS), input: z.object({ since: z.date(), size: z.bigint().optional() }) },
  ],
};

describe.each(Object.entries(DEPLOYMENTS))('the document %s', (_, of) => {
  it('is OpenAPI 3.1 to its validator', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(documentOf(of))));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  it('has schemas of JSON Schema 2020-12, whose references lead somewhere, and whose examples they take', () => {
    const document = read(of);
    const ajv = ajvFor(document);
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const validate = ajv.getSchema(`openapi#/components/schemas/${name}`);
      if (validate === undefined) throw new Error(`${name} cannot be found`);
      for (const example of z.array(z.unknown()).parse(schema.examples ?? [])) {
        expect(validate(example), `${name} ${ajv.errorsText(validate.errors)}`).toBe(true);
      }
    }
  });
});

describe('the document', () => {
  it('has every route', () => {
    const there = Object.entries(shipped.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = routesOf(registry(chains)).map(({ method, path }) => `${method} ${path}`);
    expect(there.sort()).toEqual(routes.sort());
  });

  it.each(Object.entries(PROBLEMS))('has the problem %s where its status is', (code, { status }) => {
    const { type } = new ProblemError(code as keyof typeof PROBLEMS, '').problem;
    const [name] = Object.entries(shipped.components.schemas).flatMap(([one, { properties }]) =>
      JSON.stringify(properties)?.includes(`"${type}"`) ? [one] : [],
    );
    const reference = `"#/components/schemas/${name}"`;
    const { UnknownRoute, MethodNotAllowed } = shipped.components.responses;
    const responses = Object.values(shipped.paths).flatMap((methods) =>
      Object.values(methods).flatMap((operation) => Object.entries(operation.responses)),
    );
    const naming = [...responses, ['404', UnknownRoute], ['405', MethodNotAllowed]].filter(([, response]) =>
      JSON.stringify(response).includes(reference),
    );
    expect([...new Set(naming.map(([at]) => at))]).toEqual([String(status)]);
  });

  it('is the same text in whatever order chains are listed', () => {
    expect(JSON.stringify(documentOf([...chains].reverse()))).toBe(JSON.stringify(documentOf(chains)));
  });

  it('has another version where the API is another', () => {
    const versionOf = (of: readonly ChainDefinition[]): string => documentOf(of).info.version;
    expect(versionOf(chains)).toBe(versionOf([...chains]));
    expect(versionOf(chains.slice(1))).not.toBe(versionOf(chains));
    expect(versionOf([chainOf(TEXTS.extend({ copy: z.boolean().optional() }))])).not.toBe(
      versionOf([chainOf(TEXTS)]),
    );
  });

  it('says of a start: the key of the client, and where the workflow is read', () => {
    expect(shipped.paths['/api/process-order']?.post).toMatchObject({
      requestBody: { content: { 'application/json': { schema: { $ref: expect.any(String) } } } },
      responses: { 202: { headers: { Location: { required: true } } }, 503: { headers: expect.anything() } },
    });
    const [key] = z
      .array(z.object({ name: z.string(), in: z.string(), description: z.string() }))
      .parse(documentOf(chains).paths['/api/process-order']?.post?.parameters);
    expect(key).toMatchObject({ name: 'Idempotency-Key', in: 'header' });
    const webhook = documentOf([chainOf(TEXTS, { startKey: () => 'k' })]);
    expect(JSON.stringify(webhook.paths['/api/send-letter'])).toContain(
      'takes its key from the request itself',
    );
  });

  it('lists by the chains that there are', () => {
    const parameters = documentOf(chains).paths['/api/workflows']?.get?.parameters;
    expect(parameters).toMatchObject([
      { name: 'chain', schema: { enum: chains.map(({ name }) => name).sort() } },
      { name: 'status' },
      { name: 'limit', schema: { minimum: 1, maximum: 100, default: 20 } },
      { name: 'cursor' },
    ]);
  });
});

describe('an input', () => {
  const schemaOf = (of: ChainDefinition): unknown => read([of]).components.schemas[`${of.name}_input`];

  it('has its sensitive fields for writing only', () => {
    expect(shipped.components.schemas['order-processing_input']).toMatchObject({
      properties: {
        card: { type: 'string', writeOnly: true },
        address: expect.not.objectContaining({ writeOnly: true }),
      },
    });
  });

  it('has an example that it takes, and none where none is found', () => {
    expect(
      schemaOf(chainOf(z.object({ email: z.email(), copies: z.int().min(2), tags: z.array(z.string()) }))),
    ).toMatchObject({
      examples: [{ email: 'ada@example.com', copies: 2, tags: ['tags'] }],
    });
    expect(schemaOf(chainOf(z.object({ zip: z.string().regex(/^\d{5}$/) })))).not.toHaveProperty('examples');
  });

  it('has the examples of its author, without those that it does not take', () => {
    const examples = [{ text: 'Hello' }, { text: 1 }];
    expect(schemaOf(chainOf(TEXTS.meta({ examples })))).toMatchObject({ examples: [{ text: 'Hello' }] });
  });

  it('that no JSON Schema says is told in words', () => {
    const definition = { ...chainOf(TEXTS), input: z.object({ since: z.date() }) };
    expect(schemaOf(definition)).toMatchObject({
      properties: {
        since: { description: 'A value of the kind "date", which JSON Schema cannot describe.' },
      },
    });
  });

  it('whose conversion throws is told in words', () => {
    const card = z.string().meta({ id: 'Card' });
    const other = z.number().meta({ id: 'Card' });
    expect(schemaOf(chainOf(z.object({ card, other })))).toMatchObject({
      description: expect.stringContaining('JSON Schema cannot describe it: Duplicate schema id'),
    });
  });

  it('has no pattern whose flags JSON Schema would drop', () => {
    const code = z
      .string()
      .regex(/^[a-f]+$/i)
      .regex(/^.{2}$/);
    expect(schemaOf(chainOf(z.object({ code })))).toMatchObject({
      properties: {
        code: { type: 'string', allOf: [{ pattern: '^.{2}$' }], description: 'Matches /^[a-f]+$/i.' },
      },
    });
    expect(schemaOf(chainOf(z.object({ code: z.string().regex(/^[a-f]+$/i) })))).toMatchObject({
      properties: { code: { type: 'string', description: 'Matches /^[a-f]+$/i.' } },
    });
  });

  it('that contains itself refers to where it stands', () => {
    const tree = z.object({
      name: z.string(),
      get children() {
        return z.array(tree);
      },
    });
    expect(JSON.stringify(schemaOf(chainOf(tree)))).toContain('"#/components/schemas/letters_input"');
    const held = JSON.stringify(schemaOf(chainOf(z.object({ tree, same: tree }))));
    expect(held).toContain('"#/components/schemas/letters_input/$defs/');
  });
});

it('no chain can be started where the document is', () => {
  const options = { version: 1, start: '/api/openapi.json', input: TEXTS };
  expect(() => chain('letters', options)).toThrow('which is not a path below /api/');
});
