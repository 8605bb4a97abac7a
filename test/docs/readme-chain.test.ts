import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { workflowPath } from '../../lib/contract/names.ts';
import { startAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { readOptions } from '../../lib/local/options.ts';
import { startLocal } from '../../lib/local/process.ts';
import { everyFault } from '../../lib/testing/index.ts';
import { order, well } from '../testing/fixtures.ts';
import { giftCards } from './gift-cards.ts';

const textOf = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

const blocks = (): readonly string[] =>
  Array.from(textOf('README.md').matchAll(/```ts\n(.*?)```/gs), ([, block = '']) => block);

describe('the chain of the README', () => {
  it('is the one that is checked here', () => {
    const [, shown] = /```ts\n(.*?)```/s.exec(textOf('README.md')) ?? [];
    expect(shown).toBe(textOf('test/docs/gift-cards.ts'));
  });

  it('runs as it stands, against demo targets', async () => {
    const options = readOptions(['--port', '0', '--memory', '--no-sample', '--log-level', 'silent']);
    if (options === 'help') throw new Error('no help was asked for');
    const local = await startLocal([giftCards], options, { readable: false, say: () => undefined });
    try {
      const started = await fetch(`${local.baseUrl}${giftCards.start}`, {
        method: 'POST',
        body: JSON.stringify({ card: '4242424242424242', amount: 25, email: 'ada@example.com' }),
      });
      const { workflowId } = startAnswer.parse(await started.json());
      const bought = async () =>
        workflowAnswer.parse(await (await fetch(local.baseUrl + workflowPath(workflowId))).json());
      await vi.waitFor(
        async () => {
          expect(await bought()).toMatchObject({ status: 'completed', giftCard: expect.any(String) });
        },
        { timeout: 15_000 },
      );
    } finally {
      await local.stop();
    }
  });
});

it.each(['undo', 'lookup'])('the %s of the README is that of a shipped chain', (option) => {
  const shown = blocks().find((block) => block.startsWith(`    ${option}: {`)) ?? 'none';
  expect(textOf('functions/chains/order-processing.ts')).toContain(shown);
});

it('the client of the README is compiled, and told in 25 lines', () => {
  const [section = ''] = /### From TypeScript\n.*?(?=\n### )/s.exec(textOf('README.md')) ?? [];
  expect(section).toContain(textOf('test/docs/client.ts'));
  expect(section.trim().split('\n').length).toBeLessThanOrEqual(25);
});

describe('the test of the README', () => {
  it('is one of ours, and short', () => {
    const shown = blocks().find((block) => block.includes('everyFault')) ?? '';
    expect(shown).toBe(textOf('test/functions/chains/order-processing.test.ts'));
    expect(shown.split('\n').length).toBeLessThan(30);
  });

  it('plays as many runs as it says', async () => {
    const [, runs] = /Of the order chain these are (\d+) runs/.exec(textOf('README.md')) ?? [];
    const { plans } = await everyFault(orderProcessing, { input: order, targets: well });
    expect(Number(runs)).toBe(plans);
  });
});
