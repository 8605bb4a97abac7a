import { describe, expect, it } from 'vitest';
import { seal, unseal } from '../../../lib/engine/sensitive/seal.ts';

const KEY = '0123456789abcdef0123456789abcdef';
const CHANCE = 'fedcba9876543210fedcba9876543210';
const VALUE = { token: 'Zoë 😀', n: [1, null] };

describe('a sealed value', () => {
  it('opens under its key and at its place, and shows nothing of itself', () => {
    const sealed = seal(KEY, 'a', VALUE, CHANCE);
    expect(unseal(KEY, 'a', sealed)).toEqual(VALUE);
    expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('token');
  });

  it('opens under no other key, at no other place, and not where a bit of it changed', () => {
    const sealed = seal(KEY, 'a', VALUE, CHANCE);
    expect(() => unseal(CHANCE, 'a', sealed)).toThrow();
    expect(() => unseal(KEY, 'b', sealed)).toThrow();
    const bytes = Buffer.from(sealed, 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] ?? 0) ^ 1;
      expect(() => unseal(KEY, 'a', changed.toString('base64'))).toThrow();
    }
    expect(() => unseal(KEY, 'a', '')).toThrow();
  });

  it('is another one each time', () => {
    expect(seal(KEY, 'a', VALUE, CHANCE)).not.toBe(seal(KEY, 'a', VALUE, KEY));
  });
});
