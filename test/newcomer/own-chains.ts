import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tree } from './tree.ts';

const CHAINS = 'functions/chains';

/** Follows the README, “Write a chain”, with the chain that stands there: a file, and a line in the index. */
export async function addChainOfReadme(tree: Tree): Promise<void> {
  const readme = await readFile(join(tree.root, 'README.md'), 'utf8');
  const [, section = ''] = readme.split('\n## Write a chain\n');
  const [, text = ''] = /^```ts\n(.*?)^```$/ms.exec(section) ?? [];
  const [, exported = '', name = ''] = /^export const (\w+) = chain\('([\w-]+)'/m.exec(text) ?? [];
  await tree.write(`${CHAINS}/${name}.ts`, text);
  await list(tree, name, [exported]);
}

/** Adds the chains of `birthdays.ts`, which use what the shipped ones do not. */
export async function addOddChains(tree: Tree): Promise<void> {
  await tree.write(
    `${CHAINS}/birthdays.ts`,
    await readFile(join(import.meta.dirname, 'birthdays.ts'), 'utf8'),
  );
  await list(tree, 'birthdays', ['birthdays', 'birthdaysV1']);
}

const list = (tree: Tree, file: string, exported: readonly string[]): Promise<void> =>
  tree.edit(`${CHAINS}/index.ts`, (text) => {
    const line = `import { ${exported.join(', ')} } from './${file}.ts';\n`;
    return line + text.replace(/\];\s*$/, `, ${exported.join(', ')}];\n`);
  });

/** Takes an example out of the index, which would be deployed otherwise; its file stays, as tests use it. */
export const leaveOutOrders = (tree: Tree): Promise<void> =>
  tree.edit(`${CHAINS}/index.ts`, (text) =>
    text.replace(/^import \{ orderProcessing \}.*\n/m, '').replace('[orderProcessing, ', '['),
  );

/** Says in `bin/stages.ts` what a team would: other addresses, other limits. */
export const settleStages = (tree: Tree): Promise<void> =>
  tree.edit('bin/stages.ts', (text) =>
    text
      .replaceAll('.example.com`', '.shop.example`')
      .replaceAll('your-org/your-repo', 'shop/orders')
      .replaceAll(/concurrency: \d+/g, 'concurrency: 7')
      .replaceAll(/logRetentionDays: \d+/g, 'logRetentionDays: 3')
      .replaceAll(/rate: [\d_]+, burst: [\d_]+/g, 'rate: 5, burst: 9'),
  );

/** Gives every stage the target that only `birthdays.ts` calls. */
export const settleTarget = (tree: Tree): Promise<void> =>
  tree.edit('bin/stages.ts', (text) =>
    text.replace(
      "mail: target(stage, 'mail'),",
      "mail: target(stage, 'mail'),\n  loyalty: target(stage, 'loyalty'),",
    ),
  );
