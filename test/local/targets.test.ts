import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { OptionError } from '../../lib/local/options.ts';
import { secretsReadBy, settleTargets, targetsCalledBy } from '../../lib/local/targets.ts';
import { trips } from '../cdk/fixture-chains.ts';
import { closers } from '../support/closers.ts';
import { chains } from '../support/shipped-chains.ts';

const ORDERS = [orderProcessing];

const file = (settings: object): string => {
  const directory = mkdtempSync(join(tmpdir(), 'stepline-targets-'));
  closers.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'targets.json');
  writeFileSync(path, JSON.stringify(settings));
  return path;
};
const real = (...names: readonly string[]): string =>
  file(Object.fromEntries(names.map((name) => [name, { baseUrl: 'https://api.example.com' }])));
const settle = (targets: string | undefined, demo: readonly string[] = []) =>
  settleTargets(ORDERS, { targets, demo });

describe('the targets of the chains', () => {
  it('are all demo ones without a file', async () => {
    expect(await settle(undefined)).toEqual({ settings: {}, demo: ['payments', 'shipping', 'mail'] });
  });

  it('are real where the file has them, and demo where --demo names them', async () => {
    const { settings, demo } = await settle(real('payments', 'shipping', 'unused'), ['mail']);
    expect(Object.keys(settings)).toEqual(['payments', 'shipping', 'unused']);
    expect(demo).toEqual(['mail']);
  });

  it('are those of every version, each once', () => {
    expect(targetsCalledBy([...chains, ...chains])).toEqual(targetsCalledBy(chains));
    expect(targetsCalledBy(ORDERS)).toEqual(['payments', 'shipping', 'mail']);
  });

  it('are those of undos and lookups too, and so are secrets', () => {
    expect(targetsCalledBy([trips])).toEqual(['refunds', 'releases', 'records']);
    expect(secretsReadBy([trips])).toEqual(['webhook-key']);
  });

  it.each<[string, () => string, readonly string[], RegExp]>([
    [
      'one that is missing',
      () => real('payments', 'mail'),
      [],
      /targets\.json does not say where "shipping" is\. Add each with its baseUrl, or let demo targets stand in: --demo shipping$/,
    ],
    [
      'all that are missing, beside those that are demo already',
      () => real('payments'),
      ['mail'],
      /does not say where "shipping" is\. .*--demo mail,shipping$/,
    ],
    [
      'a name that is almost right',
      () => real('payments', 'shiping', 'mail'),
      [],
      /Did you mean "shiping"\?/,
    ],
    [
      'one in both places',
      () => real('payments', 'shipping', 'mail'),
      ['mail'],
      /--demo names "mail", which .* has already/,
    ],
    [
      'one that no chain calls',
      () => real('payments', 'shipping'),
      ['mial'],
      /--demo names "mial", which no chain calls\. Did you mean "mail"\? The chains call "payments", "shipping", "mail"$/,
    ],
  ])('end the start with its name: %s', async (_, path, demo, message) => {
    const settled = settle(path(), demo);
    await expect(settled).rejects.toThrow(OptionError);
    await expect(settled).rejects.toThrow(message);
  });
});
