import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excerpt, secretsOf } from '../../lib/engine/mask.ts';

/** A text inside JSON, character by character; what `escaped` does not spell is spelled as JSON.stringify does. */
const json = (text: string, escaped: (unit: string) => string | undefined): string =>
  text
    .split('')
    .map((unit) => escaped(unit) ?? JSON.stringify(unit).slice(1, -1))
    .join('');
const code = (unit: string): string => unit.charCodeAt(0).toString(16).padStart(4, '0');
const short = (unit: string): boolean => /["\\\b\f\n\r\t]/.test(unit);
const special = (unit: string): boolean => !short(unit) && /[^ -~]/.test(unit);

/** The ways in which servers that were met write a text into a reply. */
const SPELLINGS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'in JSON': (text) => JSON.stringify(text).slice(1, -1),
  'in JSON with escaped slashes': (text) => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  'in JSON of ASCII': (text) => json(text, (unit) => (special(unit) ? `\\u${code(unit)}` : undefined)),
  'in JSON of ASCII, in capitals': (text) =>
    json(text, (unit) => (special(unit) ? `\\u${code(unit).toUpperCase()}` : undefined)),
  'in JSON of ASCII with escaped slashes': (text) =>
    json(text, (unit) => (unit === '/' ? '\\/' : special(unit) ? `\\u${code(unit)}` : undefined)),
  'in a URL': encodeURIComponent,
  'in a URL, in small letters': (text) =>
    encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase()),
  'in a form': (text) => encodeURIComponent(text).replaceAll('%20', '+'),
  'in a form as URLSearchParams writes it': (text) => new URLSearchParams({ '': text }).toString().slice(1),
  'in a query as URLSearchParams writes it': (text) =>
    new URLSearchParams({ '': text }).toString().slice(1).replaceAll('+', '%20'),
  'in a form, in small letters': (text) =>
    new URLSearchParams({ '': text })
      .toString()
      .slice(1)
      .replace(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase()),
};

// What consists of asterisks cannot be told from a mask.
const secrets = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 30 })
  .filter((text) => !text.includes('*') && !text.includes('\ufffd'));

describe('an excerpt', () => {
  it('never holds a secret, however it is spelled and whatever surrounds it', () => {
    const texts = fc.array(secrets, { minLength: 1, maxLength: 4 }).chain((hidden) => {
      const shown = fc
        .tuple(fc.constantFrom(...hidden), fc.constantFrom(...Object.values(SPELLINGS)))
        .map(([secret, spell]) => spell(secret));
      const noise = fc.string({ unit: 'grapheme', maxLength: 60 });
      return fc.tuple(
        fc.constant(hidden),
        fc.array(fc.oneof(shown, noise), { maxLength: 12 }).map((parts) => parts.join('')),
      );
    });
    fc.assert(
      fc.property(texts, ([hidden, text]) => {
        const masked = excerpt(text, hidden);
        for (const secret of hidden) {
          for (const spell of Object.values(SPELLINGS)) expect(masked).not.toContain(spell(secret));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has at most 200 characters and is well formed, whatever the text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      // Code units alone: half of a pair may stand anywhere.
      fc
        .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 })
        .map((units) => String.fromCharCode(...units)),
      fc.nat({ max: 400 }).map((length) => `${'x'.repeat(length)}${'😀'.repeat(100)}`),
    );
    fc.assert(
      fc.property(texts, fc.array(secrets, { maxLength: 3 }), (text, hidden) => {
        const cut = excerpt(text, hidden);
        expect(cut.length).toBeLessThanOrEqual(200);
        expect(cut.isWellFormed()).toBe(true);
      }),
    );
  });

  it('is the text itself where that is short and holds no secret', () => {
    expect(excerpt('card is blocked', ['4242'])).toBe('card is blocked');
    expect(excerpt('', ['4242'])).toBe('');
  });

  it.each(Object.entries(SPELLINGS))('masks a secret %s', (_, spell) => {
    const secret = 'Zoë "/" +\n4242 (it’s ~!)';
    expect(excerpt(`before ${spell(secret)} after`, [secret])).toBe('before *** after');
  });

  it('masks before it cuts, so that no part of a secret remains at its end', () => {
    const cut = excerpt(`${'x'.repeat(195)}4242424242424242 and more`, ['4242424242424242']);
    expect(cut).toBe(`${'x'.repeat(195)}*** a`);
  });

  it('looks at the beginning of a long text alone, and shows no part of a secret at which that ends', () => {
    // Without a repetition in it: any ten characters of it are it.
    const secret = Array.from({ length: 600 }, (_, at) => String.fromCharCode(0x4e00 + at)).join('');
    for (let before = 0; before < 600; before += 37) {
      const cut = excerpt('x'.repeat(before) + secret.repeat(200), [secret]);
      expect(cut).toMatch(/^x*\**$/);
    }
    expect(excerpt(secret.repeat(1_000), [secret])).toMatch(/^\*+$/);
    expect(excerpt('x'.repeat(1_000_000), [secret])).toBe('x'.repeat(200));
  });

  it('masks the longest secret first, so that nothing of it remains around a shorter one', () => {
    expect(excerpt('key-4242-end', ['4242', 'key-4242-end'])).toBe('***');
    expect(excerpt('key-4242-end', ['key-4242-end', '4242'])).toBe('***');
  });

  it('masks every occurrence', () => {
    expect(excerpt('4242 and 4242', ['4242'])).toBe('*** and ***');
  });

  it('masks a secret that is not well formed as a server gives it back', () => {
    const broken = 'no\ud800 "pair"';
    const shown = broken.toWellFormed();
    expect(excerpt(`echo: ${shown}`, [broken])).toBe('echo: ***');
    expect(excerpt(`echo: ${JSON.stringify(shown)}`, [broken])).toBe('echo: "***"');
    expect(excerpt(`echo: ${JSON.stringify(broken)}`, [broken])).toBe('echo: "***"');
  });
});

describe('the secrets of a call', () => {
  it('are all texts and numbers in the sensitive fields, at any depth', () => {
    const input = {
      card: { number: '4242', codes: [123, ['abc', { deep: 4.5 }]], none: null, flag: true },
      pin: 99,
      amount: 5,
    };
    expect([...secretsOf(input, ['card', 'pin'])].sort()).toEqual(['123', '4.5', '4242', '99', 'abc']);
  });

  it('are a target’s header values, with and without their scheme', () => {
    expect(secretsOf({}, [], { authorization: 'Bearer s3cret', 'x-key': 'k' })).toEqual([
      'Bearer s3cret',
      's3cret',
      'k',
    ]);
  });

  it('are what a header holds of a secret, however it is put together', () => {
    const headers = { authorization: 'key=open sesame' };
    const secrets = secretsOf({}, [], headers, ['open sesame']);
    expect(excerpt('no open sesame, no key=open sesame', secrets)).toBe('no ***, no ***');
  });

  it('do not include an empty text, which is everywhere', () => {
    expect(secretsOf({ card: '', note: [] }, ['card', 'note'], { empty: '' })).toEqual([]);
    expect(secretsOf({}, ['card'], { 'x-key': 'ends with a space ' }, [''])).not.toContain('');
  });

  it('are only fields of the input’s own', () => {
    expect(secretsOf({}, ['constructor', 'toString', 'absent'])).toEqual([]);
    expect(secretsOf(Object.create({ card: '4242' }), ['card'])).toEqual([]);
  });
});
