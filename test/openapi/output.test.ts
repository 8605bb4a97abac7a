import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain } from '../../lib/chain/chain.ts';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { target } from '../../lib/chain/target.ts';
import { outputFields } from '../../lib/openapi/output.ts';
import { chains } from '../support/shipped-chains.ts';

const bank = target('bank');

const steps = chain('transfers', {
  version: 1,
  start: '/api/transfer',
  input: z.strictObject({ iban: z.string(), note: z.string().max(40) }),
  sensitive: ['iban'],
})
  .step('book', {
    request: () => bank.post('/bookings'),
    response: z.object({ id: z.string(), token: z.string(), at: z.object({ day: z.iso.date() }) }),
    sensitive: ['token'],
  })
  .step('check', {
    after: [],
    request: () => bank.post('/checks'),
    response: z.object({ score: z.number(), id: z.string() }),
  });
type Show = Parameters<typeof steps.output>[0];
const shown = (show: Show): ChainDefinition => steps.output(show);
const fieldsOf = (show: Show) => outputFields([shown(show)]).fields;

const TEXT = { type: ['string', 'null'] };

describe('the output of a chain', () => {
  it('is known of every shipped chain: its names, and what they are', () => {
    const known = chains.map((one) => outputFields([one]));
    for (const { fields, others } of known) {
      expect(others).toBe(false);
      for (const field of Object.values(fields)) expect(field).toEqual(TEXT);
    }
    expect(known.map(({ fields }) => Object.keys(fields).length)).toEqual([2, 1, 4, 3]);
  });

  it('is the field of a result, at every level, and null before', () => {
    expect(
      fieldsOf(({ results }) => ({
        id: results.book?.id ?? null,
        day: results.book?.at.day ?? null,
        score: results.check?.score ?? null,
      })),
    ).toEqual({
      day: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
      id: TEXT,
      score: { type: ['number', 'null'] },
    });
  });

  it('is a field of the input', () => {
    expect(fieldsOf(({ input }) => ({ note: input.note }))).toEqual({
      note: { anyOf: [{ type: 'string', maxLength: 40 }, { type: 'null' }] },
    });
  });

  it('may be either of two results', () => {
    expect(fieldsOf(({ results }) => ({ first: results.book?.id ?? results.check?.score ?? null }))).toEqual({
      first: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'null' }] },
    });
  });

  it('is known by its name alone where a value of its own stands in', () => {
    expect(fieldsOf(({ results }) => ({ id: results.book?.id ?? 'none', fixed: 1 }))).toEqual({
      id: {},
      fixed: {},
    });
  });

  it('is known by its names alone where the function decides, or calls another', () => {
    const decides = shown(({ results }) => ({
      which: results.check?.score === 1 ? (results.book?.id ?? null) : (results.check?.score ?? null),
    }));
    expect(outputFields([decides])).toEqual({ fields: { which: {} }, others: true });
    const calls = shown(({ results }) => ({ id: String(results.book?.id) }));
    expect(outputFields([calls])).toEqual({ fields: { id: {} }, others: true });
  });

  it('of a function that throws without real values is what is found without results', () => {
    const loud = shown(({ results }) => ({ id: results.book?.id.toUpperCase() ?? null }));
    expect(outputFields([loud])).toEqual({ fields: { id: {} }, others: true });
  });

  it('shows nothing sensitive, not even that it is there', () => {
    const all = shown(({ results }) => ({ booking: results.book ?? null }));
    expect(outputFields([all]).fields).toEqual({ booking: {} });
    expect(JSON.stringify(outputFields([all]))).not.toContain('token');
  });

  it('is that of any version: workflows of older ones are shown, too', () => {
    const first = shown(({ results }) => ({ id: results.book?.id ?? null, old: results.book?.id ?? null }));
    const second = { ...shown(({ results }) => ({ id: results.check?.score ?? null })), version: 2 };
    expect(outputFields([second, first]).fields).toEqual({
      id: { anyOf: [{ type: ['number', 'null'] }, { type: ['string', 'null'] }] },
      old: TEXT,
    });
  });
});
