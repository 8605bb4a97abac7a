import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAnswer } from '../../lib/contract/wire.ts';
import { completed, server } from '../local/process-support.ts';
import { addChainOfReadme, addOddChains, leaveOutOrders, settleStages, settleTarget } from './own-chains.ts';
import { copyOfTree, type Tree } from './tree.ts';

const MINUTES = 60_000;
/** The tests of what is deployed: of the chains in the index with the settings in `bin/stages.ts`. */
const DEPLOYABLE = ['test', '--', 'test/bin/app.test.ts'];

/*
 * Somebody lists chains of their own in a copy of this tree, no longer lists an example, and writes settings of their own: nothing
 * else changes, so nothing else may break. The tests below follow one another.
 */
describe('a tree with chains of one’s own', () => {
  let tree: Tree;
  beforeAll(async () => {
    tree = await copyOfTree();
    await addChainOfReadme(tree);
    await addOddChains(tree);
    await leaveOutOrders(tree);
    await settleStages(tree);
    await tree.npm(['run', 'format']);
  }, MINUTES);
  afterAll(() => tree.remove());

  it('passes npm run check: format, lint, types and all of npm test', { timeout: 20 * MINUTES }, async () => {
    const { code, said } = await tree.npm(['run', 'check']);
    expect(code, said.slice(-10_000)).toBe(0);
  });

  it('serves them', { timeout: MINUTES }, async () => {
    expect(await tree.npm(['run', 'build'])).toMatchObject({ code: 0 });
    const { url } = await server(['--memory'], { entry: join(tree.root, 'dist/local.js') });
    const start = async (path: string, body: object): Promise<string> => {
      const reply = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
      return startAnswer.parse(await reply.json()).workflowId;
    };
    const card = { card: '4242424242424242', amount: 25, email: 'ada@example.com' };
    const bought = await completed(url, await start('/api/buy-gift-card', card));
    expect(bought).toMatchObject({ chain: 'gift-cards', giftCard: expect.stringMatching(/^ord_/) });
    const celebrated = await start('/api/celebrate', { name: 'Ada', email: 'ada@example.com' });
    // Nobody described the target that it calls.
    expect(await completed(url, celebrated)).toMatchObject({
      chain: 'birthdays',
      name: 'Ada',
      points: expect.any(Number),
    });
  });

  it('is not taken by CI before the stages have their targets', { timeout: 2 * MINUTES }, async () => {
    const { code, said } = await tree.npm(DEPLOYABLE, 'ci');
    expect(code).not.toBe(0);
    expect(said).toContain('the stage dev cannot be deployed before bin/stages.ts has the targets loyalty');
  });

  it('can be deployed once the stages have them', { timeout: 2 * MINUTES }, async () => {
    await settleTarget(tree);
    const { code, said } = await tree.npm(DEPLOYABLE, 'ci');
    expect(code, said.slice(-10_000)).toBe(0);
  });
});
