import { describe, expect, it } from 'vitest';
import { encodedBody } from '../../../lib/chain/request/body.ts';
import { form } from '../../../lib/chain/request/form.ts';
import { multipart } from '../../../lib/chain/request/multipart.ts';
import { text } from '../../../lib/chain/request/text.ts';
import { sentOf } from '../../../lib/engine/sensitive/sent.ts';

const NAME = 'Ada Augusta Lovelace';
const sent = (body: unknown, more: { path?: string; headers?: Record<string, string> } = {}) =>
  sentOf({ path: '/people', ...more, body: encodedBody(body, 'key') }, [NAME, '4242 4242 4242 4242']);

describe('of a request, the parts of a sensitive value', () => {
  it.each([
    ['JSON', { name: { first: 'Ada', last: 'LOVELACE' }, city: 'London' }, ['LOVELACE']],
    ['a list of JSON', [{ bin: 42424242 }], ['42424242']],
    ['a form', form({ last: 'lovelace' }), ['lovelace']],
    ['XML', text('<last>Lovelace</last>', 'application/xml'), ['Lovelace']],
    ['text that begins as JSON does', text('[last=Lovelace', 'text/plain'), ['Lovelace']],
    ['multipart', multipart([{ name: 'last', value: 'Lovelace' }]), ['Lovelace']],
  ])('are found in %s', (_, body, found) => {
    expect(sent(body)).toEqual(found);
  });

  it('are found in its path, its query and its headers', () => {
    expect(sent(undefined, { path: '/people/augusta%20lovelace?bin=4242-4242&x=%zz' })).toEqual([
      'augusta lovelace',
      '4242-4242',
    ]);
    expect(sent(undefined, { headers: { 'x-name': 'name Lovelace' } })).toEqual(['Lovelace']);
  });

  it('are none that have fewer than six letters and digits, and nothing that is in no sensitive value', () => {
    expect(sent({ first: 'Ada', last4: '4242', note: 'ask for Lovelace', ok: true })).toEqual([]);
    expect(sentOf({ path: '/x', body: undefined }, [])).toEqual([]);
  });
});
