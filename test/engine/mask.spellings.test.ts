import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excerpt } from '../../lib/engine/mask.ts';

describe('a sensitive value in another spelling', () => {
  it.each([
    ['a card without its spaces', '4242 4242 4242 4242', '4242424242424242'],
    ['a card with dashes', '4242424242424242', '4242-4242-4242-4242'],
    [
      'a card, digit by digit in a list',
      '4242424242424242',
      '4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2',
    ],
    ['a card with escaped spaces', '4242424242424242', '4242%204242%204242%204242'],
    ['a card over several lines of JSON', '4242 4242 4242 4242', '4242\\n4242\\n4242\\n4242'],
    ['a card with spaces of HTML', '4242424242424242', '4242&nbsp;4242&#160;4242&#xA0;4242'],
    ['a card with spaces in escapes of JSON', '4242424242424242', '4242\\u00a04242\\u00a042424242'],
    ['a card with wide digits', '4242424242424242', '４２４２４２４２４２４２４２４２'],
    ['a telephone number', '+49 (0)170 123-4567', '0170/1234567'.replace('0170', '490170')],
    ['an amount with a point for thousands', '1234567', '1.234.567'],
    ['an account in capitals', 'de89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
    ['a name in capitals', 'Ada Lovelace', 'ADA LOVELACE'],
    ['a name with underscores', 'Ada Lovelace', 'ada_lovelace'],
    ['a name without accents', 'Zoë Müller', 'zoe muller'],
    ['a name in Latin-1 in a URL', 'Zoë Müller', 'Zo%EB%20M%FCller'],
    ['a name in HTML', 'Zoë Müller', 'Zo&euml; M&uuml;ller'],
    ['a street with another spelling of ß', 'Hauptstraße', 'HAUPTSTRASSE'],
  ])('is masked: %s', (_, secret, spelled) => {
    expect(excerpt(`before [${spelled}] after`, [secret])).toBe('before [***] after');
  });

  it('is masked whole where one secret is a part of another, in whichever order', () => {
    for (const secrets of [
      ['42', '4242 4242 4242 4242'],
      ['4242 4242 4242 4242', '42'],
    ]) {
      expect(excerpt('no 4242-4242-4242-4242.', secrets)).toBe('no ***.');
    }
  });

  it('is left where it has fewer than six letters and digits: a code of three digits stands in every number', () => {
    expect(excerpt('order 1-2-3 failed at 12:34:5', ['123', '12345'])).toBe('order 1-2-3 failed at 12:34:5');
    expect(excerpt('code 123', ['123'])).toBe('code ***');
    expect(excerpt('12-34-56', ['123456'])).toBe('***');
  });

  it('is masked whatever stands between its digits, and nothing else is', () => {
    const between = fc.constantFrom(
      '',
      ' ',
      '-',
      '.',
      ' - ',
      '\n',
      '%20',
      '%2D',
      '\\t',
      '\\u2009',
      '&nbsp;',
      '\u2009',
    );
    const spelled = fc
      .tuple(fc.stringMatching(/^[1-9]{8,16}$/), fc.array(between, { minLength: 16, maxLength: 16 }))
      .map(([digits, gaps]) => ({
        digits,
        text: digits.replace(/\d/g, (digit, at) => (at === 0 ? digit : `${gaps[at]}${digit}`)),
      }));
    fc.assert(
      fc.property(spelled, ({ digits, text }) => {
        expect(excerpt(`<p>${text}</p>`, [digits])).toBe('<p>***</p>');
      }),
    );
  });

  it('costs no more than a moment, of thousands of values in a long reply', () => {
    const secrets = Array.from({ length: 5_000 }, (_, at) => String(4242_0000_0000_0000 + at * 7_919));
    const reply = Array.from({ length: 30_000 }, (_, at) => `card 4111-0000-${at} declined`).join(', ');
    const begun = performance.now();
    excerpt(reply, secrets);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('does not end anything where a text is nothing but escapes', () => {
    const secret = `${'é'.repeat(40_000)}x`;
    expect(excerpt('\\u00e9'.repeat(150_000), [secret])).toHaveLength(200);
    expect(excerpt('&#99999999;&#x0;&#xd800;%ff%00'.repeat(100), ['4242424242'])).toHaveLength(200);
  });
});
