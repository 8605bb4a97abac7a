import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, DefinitionError } from '../../lib/chain/index.ts';
import { registry } from '../../lib/chain/registry.ts';

const made = (name: string, version: number, start = `/api/${name}`) =>
  chain(name, { version, start, input: z.object({}) }).step('only', { run: () => null }).definition;

describe('a registry', () => {
  it('finds each version, and starts the newest wherever it stands in the list', () => {
    const [one, three, two] = [made('a', 1), made('a', 3), made('a', 2)];
    const known = registry([one, three, two]);
    expect([known.find('a', 1), known.find('a', 2), known.find('a', 3)]).toEqual([one, two, three]);
    expect(known.current).toEqual([three]);
    expect(known.byStart('/api/a')).toBe(three);
    expect(known.names).toEqual(['a']);
  });

  it('knows nothing of other names, versions and paths', () => {
    const known = registry([made('a', 1)]);
    expect([known.find('a', 2), known.find('b', 1), known.byStart('/api/b')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(known.byStart('constructor')).toBeUndefined();
  });

  it('no longer starts an older version at a path that the newest left', () => {
    const known = registry([made('a', 1, '/api/old'), made('a', 2, '/api/new')]);
    expect(known.byStart('/api/old')).toBeUndefined();
    expect(known.byStart('/api/new')?.version).toBe(2);
  });

  it('lets another chain have the path that only an older version had', () => {
    const known = registry([made('a', 1, '/api/x'), made('a', 2), made('b', 1, '/api/x')]);
    expect(known.byStart('/api/x')?.name).toBe('b');
  });

  it('refuses a version that is given twice', () => {
    expect(() => registry([made('a', 4), made('a', 4)])).toThrow(
      'Chain "a": version 4 is listed twice. List it once. If the chain has changed, make the new definition version 5.',
    );
  });

  it('refuses two chains that start at one path', () => {
    expect(() => registry([made('a', 1, '/api/x'), made('b', 1, '/api/x')])).toThrow(
      'Chain "b": start is "/api/x", which starts the chain "a" already. Give one of them another path, such as "/api/b".',
    );
  });

  it('refuses a chain without steps', () => {
    const empty = { ...made('a', 1), steps: [] };
    expect(() => registry([empty])).toThrow(DefinitionError);
    expect(() => registry([empty])).toThrow(
      'Chain "a": it has no steps. Add at least one: .step(\'payment\'',
    );
  });
});
