import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';

const empty = emptyChain('orders', { version: 1, start: '/api/orders', input: z.strictObject({}) });
const withSensitive = (sensitive: unknown, response?: z.ZodType) =>
  withStep(empty, 'token', { run: () => null, sensitive, ...(response === undefined ? {} : { response }) })
    .steps[0]?.sensitive;
const token = z.object({ id: z.string(), token: z.string() });

describe('the sensitive fields of a step’s result', () => {
  it.each<[string, z.ZodType]>([
    ['an object', token],
    ['a loose one', z.looseObject({ token: z.string() })],
    ['one that may be missing', token.nullable().optional()],
    ['one with a default', token.default({ id: '', token: '' })],
    ['one of several', z.union([z.object({ error: z.string() }), token])],
    [
      'one by its kind',
      z.discriminatedUnion('ok', [
        z.object({ ok: z.literal(true), token: z.string() }),
        z.object({ ok: z.literal(false) }),
      ]),
    ],
    ['two in one', z.intersection(z.object({ id: z.string() }), z.object({ token: z.string() }))],
    ['one behind a pipe', z.unknown().pipe(token)],
  ])('are fields of its response: %s', (_, response) => {
    expect(withSensitive(['token'], response)).toEqual(['token']);
    expect(() => withSensitive(['tokne'], response)).toThrow(
      'Chain "orders", step "token": sensitive names "tokne", which is not a top-level field of response. Did you mean "token"?',
    );
  });

  it.each<[string, unknown, z.ZodType | undefined, string]>([
    ['of a text', ['token'], z.string(), 'Its schema has no fields: write z.object({ token: … }).'],
    ['of a list', ['a b'], z.array(token), 'Its schema has no fields: write z.object({ "a b": … }).'],
    ['deeper within', ['of.token'], z.object({ of: token }), 'The fields are of.'],
    [
      'of no response',
      ['token'],
      undefined,
      'it has sensitive, but no response, whose fields these are. Add a schema',
    ],
    ['that are no list', 'token', token, 'sensitive is "token", not a list of names'],
    ['named twice', ['token', 'token'], token, 'sensitive names "token" twice'],
  ])('are refused: %s', (_, sensitive, response, message) => {
    expect(() => withSensitive(sensitive, response)).toThrow(message);
  });

  it('are none where it says nothing', () => {
    expect(withSensitive(undefined, token)).toEqual([]);
    expect(withSensitive([], undefined)).toEqual([]);
  });
});
